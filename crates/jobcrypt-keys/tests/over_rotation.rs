//! A key that still holds jobs is never purged.

use std::{fs, path::Path, time::Duration};

use jobcrypt_core::{CipherName, EncryptHook, ErrorKind, JobContext, KeyId, SecretKey};
use jobcrypt_keys::{
    KeptReason, KeyRepository, KeyState, Layout, RotateError, Rotated, Rotation, Usage,
};
use tempfile::TempDir;

const LAYOUTS: [Layout; 2] = [Layout::Keystone, Layout::Native];

fn set_up(layout: Layout) -> (TempDir, KeyRepository) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let repository = if layout == Layout::Keystone {
        KeyRepository::setup_keystone(path)
    } else {
        KeyRepository::setup(path, CipherName::XCHACHA20_POLY1305)
    };
    (folder, repository.expect("it is set up"))
}

fn begin(repository: &KeyRepository) -> Rotation<'_> {
    let rotation = repository.begin_rotation().expect("the lock is free");
    rotation.with_grace(Duration::ZERO)
}

fn rotate(repository: &KeyRepository) -> Rotated {
    begin(repository)
        .commit(&Usage::counted([], 0))
        .expect("it rotates")
}

fn primary(repository: &KeyRepository) -> KeyId {
    repository.snapshot().expect("it can be read").primary().id
}

fn secondaries(repository: &KeyRepository) -> Vec<KeyId> {
    let snapshot = repository.snapshot().expect("it can be read");
    snapshot
        .keys()
        .filter(|key| key.state == KeyState::Secondary)
        .map(|key| key.id)
        .collect()
}

#[test]
fn jobs_on_a_secondary_refuse_a_rotation_and_are_counted() {
    for layout in LAYOUTS {
        let (_folder, repository) = set_up(layout);
        let old = primary(&repository);
        rotate(&repository);
        let before = repository.status().expect("it can be read").fingerprint;
        let usage = Usage::counted([(old, 2), (primary(&repository), 40), (old, 1)], 0);
        let error = begin(&repository)
            .commit(&usage)
            .expect_err("it is refused");
        let text = error.to_string();
        assert!(text.contains(&format!("{old} (3 jobs)")), "{text}");
        assert!(text.contains("jobcrypt jobs migrate"), "{text}");
        assert!(!text.contains("(40 jobs)"), "{text}");
        let after = repository.status().expect("it can be read").fingerprint;
        assert_eq!(after, before);
        assert!(matches!(error, RotateError::KeysInUse { counts } if counts == [(old, 3)]));
    }
}

#[test]
fn jobs_on_the_primary_do_not_refuse_a_rotation() {
    for layout in LAYOUTS {
        let (_folder, repository) = set_up(layout);
        for _ in 0..4 {
            let usage = Usage::counted([(primary(&repository), 1_000)], 0);
            let demoted = primary(&repository);
            begin(&repository).commit(&usage).expect("it rotates");
            assert_eq!(secondaries(&repository), [demoted]);
        }
    }
}

#[test]
fn jobs_on_the_staged_key_say_that_another_node_has_rotated() {
    let (_folder, repository) = set_up(Layout::Native);
    let staged = repository.snapshot().expect("it can be read");
    let staged = staged.staged().expect("one is staged").id;
    let error = begin(&repository).commit(&Usage::counted([(staged, 1)], 0));
    let error = error.expect_err("it is refused");
    assert!(matches!(
        error,
        RotateError::StagedKeyInUse { count: 1, .. }
    ));
    assert!(error.to_string().contains("only staged here"), "{error}");
}

#[test]
fn jobs_on_keys_that_were_never_here_or_are_retired_refuse_a_rotation() {
    let (_folder, repository) = set_up(Layout::Native);
    let first = primary(&repository);
    let unknown = KeyId::derive(CipherName::FERNET, &[7; 32]);
    let error = begin(&repository).commit(&Usage::counted([(unknown, 1)], 0));
    assert!(matches!(error, Err(RotateError::UnknownKeysInUse { .. })));
    rotate(&repository);
    rotate(&repository);
    let error = begin(&repository).commit(&Usage::counted([(first, 9)], 0));
    let error = error.expect_err("it is retired");
    assert!(matches!(error, RotateError::RetiredKeysInUse { .. }));
    assert!(error.to_string().contains("keys restore"), "{error}");
    repository.restore(first).expect("it is restored");
    assert!(secondaries(&repository).contains(&first));
}

#[test]
fn without_counts_no_key_is_retired() {
    let (_folder, repository) = set_up(Layout::Native);
    for rotation in 0..5 {
        let rotated = begin(&repository)
            .commit(&Usage::Unknown)
            .expect("it rotates");
        assert!(rotated.plan.retired.is_empty());
        assert_eq!(rotated.plan.kept.len(), rotation);
        let is_right = |reason| reason == KeptReason::NotCounted;
        assert!(rotated.plan.kept.iter().all(|kept| is_right(kept.reason)));
    }
    assert_eq!(secondaries(&repository).len(), 5);
}

#[test]
fn keystones_three_keys_are_kept_by_refusing_and_not_by_purging() {
    let (_folder, repository) = set_up(Layout::Keystone);
    rotate(&repository);
    let secondary = secondaries(&repository)[0];
    let error = begin(&repository).commit(&Usage::Unknown);
    assert!(matches!(error, Err(RotateError::NotCounted { id }) if id == secondary));
    let error = begin(&repository).commit(&Usage::counted([], 5));
    assert!(matches!(
        error,
        Err(RotateError::Unattributed { count: 5, .. })
    ));
    let rotation = repository.begin_rotation().expect("the lock is free");
    let error = rotation.commit(&Usage::counted([], 0));
    let error = error.expect_err("it was the primary a moment ago");
    assert!(matches!(&error, RotateError::TooSoon { id, .. } if *id == secondary));
    assert_eq!(secondaries(&repository), [secondary]);
}

#[test]
fn jobs_that_name_no_key_keep_every_key() {
    let (_folder, repository) = set_up(Layout::Native);
    rotate(&repository);
    let rotated = begin(&repository).commit(&Usage::counted([], 1));
    let plan = rotated.expect("it rotates").plan;
    assert!(plan.retired.is_empty());
    assert_eq!(plan.kept[0].reason, KeptReason::Unattributed);
}

#[test]
fn a_key_that_was_the_primary_a_moment_ago_stays() {
    let (_folder, repository) = set_up(Layout::Native);
    rotate(&repository);
    let rotation = repository.begin_rotation().expect("the lock is free");
    let rotated = rotation.commit(&Usage::counted([], 0)).expect("it rotates");
    assert_eq!(rotated.plan.kept[0].reason, KeptReason::Grace);
    assert_eq!(secondaries(&repository).len(), 2);
}

#[test]
fn a_retired_key_parks_its_jobs_and_opens_them_once_it_is_restored() {
    for layout in LAYOUTS {
        let (_folder, repository) = set_up(layout);
        let hook = || {
            let keyring = repository.keyring(jobcrypt_ciphers::encryptor);
            let builder = EncryptHook::builder(keyring.expect("it is a keyring"));
            builder.build().expect("it is a hook")
        };
        let job = JobContext::new("send_letter");
        let mut args = br#"{"to":"ada"}"#.to_vec();
        hook().seal(&job, &mut args).expect("it is sealed");
        let id = primary(&repository);
        rotate(&repository);
        let mut copy = args.clone();
        hook().open(&job, &mut copy).expect("a secondary opens it");
        rotate(&repository);

        let error = hook().open(&job, &mut args).expect_err("it is retired");
        assert_eq!(error.kind(), ErrorKind::KeyRetired);
        repository.restore(id).expect("it is restored");
        hook().open(&job, &mut args).expect("it opens");
        assert_eq!(args, br#"{"to":"ada"}"#);
        // It is free again, and goes again.
        rotate(&repository);
        assert!(!secondaries(&repository).contains(&id));
    }
}

#[test]
fn only_a_retired_key_is_destroyed_and_its_tombstone_stays() {
    for layout in LAYOUTS {
        let (_folder, repository) = set_up(layout);
        let id = primary(&repository);
        repository.destroy(id).expect_err("it is in use");
        rotate(&repository);
        repository.destroy(id).expect_err("it is a secondary");
        rotate(&repository);
        repository.destroy(id).expect("it is retired");
        let status = repository.status().expect("it can be read");
        assert!(status.tombstones[0].destroyed.is_some());
        repository.restore(id).expect_err("its bytes are gone");
        assert_eq!(files(&repository.path().join("archive")), 0);
        let keyring = repository.keyring(jobcrypt_ciphers::encryptor);
        assert!(keyring.expect("it is a keyring").is_retired(id));
    }
}

#[test]
fn a_rotation_that_is_dropped_changes_nothing_and_frees_the_lock() {
    let (_folder, repository) = set_up(Layout::Native);
    let before = repository.status().expect("it can be read").fingerprint;
    let rotation = begin(&repository);
    let plan = rotation.plan(&Usage::Unknown).expect("it would rotate");
    let error = repository.begin_rotation().expect_err("the lock is taken");
    assert!(error.to_string().contains("another process"), "{error}");
    drop(rotation);
    assert_eq!(plan.demoted, primary(&repository));
    let after = repository.status().expect("it can be read").fingerprint;
    assert_eq!(after, before);
    begin(&repository)
        .commit(&Usage::Unknown)
        .expect("it rotates");
}

#[test]
fn a_key_that_nodes_may_not_have_yet_is_not_promoted() {
    for layout in LAYOUTS {
        let (_folder, repository) = set_up(layout);
        let before = primary(&repository);
        let rotation = begin(&repository).with_least_age(Duration::from_hours(24));
        let error = rotation.commit(&Usage::counted([], 0));
        let error = error.expect_err("it is new");
        assert!(
            matches!(error, RotateError::StagedTooLately { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("; wait "), "{error}");
        assert_eq!(primary(&repository), before);
        let rotation = begin(&repository).with_least_age(Duration::from_nanos(1));
        let rotated = rotation.commit(&Usage::counted([], 0));
        rotated.expect("it is old enough");
    }
}

#[test]
fn a_rotation_may_lead_to_another_cipher() {
    let (_folder, repository) = set_up(Layout::Native);
    let rotation = begin(&repository).with_cipher(CipherName::SECRETBOX);
    let rotated = rotation.commit(&Usage::Unknown).expect("it rotates");
    rotate(&repository);
    let snapshot = repository.snapshot().expect("it can be read");
    assert_eq!(snapshot.primary().id, rotated.staged);
    assert_eq!(snapshot.primary().cipher, CipherName::SECRETBOX);
    let staged = snapshot.staged().expect("one is staged");
    assert_eq!(staged.cipher, CipherName::SECRETBOX);
}

#[test]
fn a_key_of_a_variable_moves_into_the_repository_as_a_secondary() {
    let (_folder, repository) = set_up(Layout::Native);
    let key = SecretKey::generate().expect("there is randomness");
    let same = SecretKey::from_bytes(key.expose()).expect("it is a key");
    let id = repository.add(CipherName::FERNET, key, Some("from NAAS"));
    let id = id.expect("it is added");
    assert_eq!(secondaries(&repository), [id]);
    let before = repository.status().expect("it can be read").fingerprint;
    for cipher in [CipherName::FERNET, CipherName::SECRETBOX] {
        let same = SecretKey::from_bytes(same.expose()).expect("it is a key");
        repository.add(cipher, same, None).expect_err("it is there");
    }
    let after = repository.status().expect("it can be read").fingerprint;
    assert_eq!(after, before);
}

#[test]
fn a_manifest_that_is_lost_or_wrong_is_an_error_and_never_a_new_setup() {
    let (_folder, repository) = set_up(Layout::Native);
    let manifest = repository.path().join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("it can be read");
    let setup = || KeyRepository::setup(repository.path(), CipherName::FERNET);

    fs::remove_file(&manifest).expect("it is there");
    let error = setup().expect_err("there are keys");
    assert!(error.to_string().contains("mean nothing"), "{error}");
    for (wrong, why) in [
        (
            text.replace("primary", "secondary"),
            "no key is the primary",
        ),
        (
            text.replace("staged", "primary"),
            "two keys are the primary",
        ),
        (text.replace(".key", "/../x.key"), "another name"),
        (
            text.replace("jobcrypt-keys/1", "jobcrypt-keys/2"),
            "no manifest",
        ),
        (text[..text.len() / 2].to_owned(), "no manifest"),
        (String::new(), "no manifest"),
    ] {
        write(&manifest, &wrong);
        let error = repository.snapshot().expect_err("it is wrong").to_string();
        assert!(error.contains(why), "{error}");
        setup().expect_err("there are keys");
    }
    write(&manifest, &text);
    repository.snapshot().expect("it is whole");
}

#[test]
fn a_key_file_that_is_gone_or_another_one_is_named_with_its_state() {
    let (_folder, repository) = set_up(Layout::Native);
    let snapshot = repository.snapshot().expect("it can be read");
    let primary = repository.path().join(&snapshot.primary().file);
    let staged = &snapshot.staged().expect("one is staged").file;
    let text = fs::read_to_string(repository.path().join(staged)).expect("it can be read");
    write(&primary, &text);
    let error = repository.snapshot().expect_err("it is another one");
    assert!(error.to_string().contains("another key"), "{error}");
    assert!(!error.to_string().contains(&text[..8]), "{error}");
    fs::remove_file(&primary).expect("it is there");
    let error = repository.snapshot().expect_err("it is gone");
    assert!(
        error.to_string().contains("holds the primary key"),
        "{error}"
    );
}

fn write(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;

    fs::write(path, text).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).expect("it is there").count()
}
