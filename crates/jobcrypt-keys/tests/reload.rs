//! Keys that follow their source while jobs pass.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use jobcrypt_core::{CipherName, Keys, SecretKey};
use jobcrypt_keys::{KeyRepository, KeySource, Reload, Usage, key_as_text};

const NEVER: Duration = Duration::from_secs(3600);
const OFTEN: Duration = Duration::from_millis(1);

fn start(source: KeySource, interval: Duration) -> (Keys, Reload) {
    let source = source.provider(jobcrypt_ciphers::encryptor);
    Reload::start(source, interval).expect("it holds keys")
}

/// Looks again and again until it is so.
fn becomes(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "it never is");
        thread::yield_now();
    }
}

fn key() -> String {
    let key = SecretKey::generate().expect("there is randomness");
    key_as_text(CipherName::XCHACHA20_POLY1305, &key).to_string()
}

/// As whoever takes care writes a file: beside it, then in its place.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).expect("it can be written");
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::rename(beside, path).expect("it can be replaced");
}

fn rotate(repository: &KeyRepository) {
    let rotation = repository.begin_rotation().expect("the lock is free");
    let rotation = rotation.with_grace(Duration::ZERO);
    rotation.commit(&Usage::counted([], 0)).expect("it rotates");
}

#[test]
fn a_rotation_reaches_a_running_process_by_polling() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = KeyRepository::setup_keystone(folder.path().join("keys")).expect("set up");
    let (keys, _reload) = start(KeySource::directory(repository.path()), OFTEN);
    for _ in 0..3 {
        rotate(&repository);
        let primary = repository.snapshot().expect("it can be read").primary().id;
        becomes(|| keys.snapshot().primary().key_id() == primary);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_change_reaches_a_running_process_at_once_without_polling() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    replace(&path, &key());
    let (keys, _reload) = start(KeySource::file(&path), NEVER);
    replace(&path, &format!("{},{}", key(), key()));
    becomes(|| keys.snapshot().keys().count() == 2);

    let repository = KeyRepository::setup(folder.path().join("repository"), CipherName::FERNET);
    let repository = repository.expect("it is set up");
    let (keys, _reload) = start(KeySource::directory(repository.path()), NEVER);
    rotate(&repository);
    becomes(|| keys.snapshot().keys().count() == 3);
}

#[test]
fn the_last_good_keys_stay_while_the_source_is_not_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    replace(&path, &key());
    let (keys, _reload) = start(KeySource::file(&path), OFTEN);
    let good = keys.snapshot().primary().key_id();
    let next = key();
    for bad in ["", "half of a k", "\u{0}"] {
        replace(&path, bad);
        assert_eq!(keys.snapshot().primary().key_id(), good);
    }
    fs::remove_file(&path).expect("it is there");
    assert_eq!(keys.snapshot().primary().key_id(), good);
    replace(&path, &next);
    becomes(|| keys.snapshot().primary().key_id() != good);
}

#[test]
fn a_repository_that_was_put_back_from_a_backup_is_not_taken_while_running() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let repository = KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305).expect("set up");
    let manifest = path.join("manifest.json");
    let backup = fs::read_to_string(&manifest).expect("it can be read");
    rotate(&repository);
    let (keys, _reload) = start(KeySource::directory(&path), OFTEN);
    let rotated = keys.snapshot().primary().key_id();
    replace(&manifest, &backup);
    assert_eq!(
        repository.snapshot().expect("it can be read").generation(),
        1
    );
    // Long enough for many looks: this file is looked at as often.
    let other = folder.path().join("other");
    replace(&other, &key());
    let (others, _other) = start(KeySource::file(&other), OFTEN);
    let before = others.snapshot().primary().key_id();
    replace(&other, &key());
    becomes(|| others.snapshot().primary().key_id() != before);
    assert_eq!(keys.snapshot().primary().key_id(), rotated);
}

#[test]
fn dropping_it_ends_its_thread_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    replace(&path, &key());
    let (keys, reload) = start(KeySource::file(&path), NEVER);
    let begin = Instant::now();
    drop(reload);
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert_eq!(keys.snapshot().keys().count(), 1);
}
