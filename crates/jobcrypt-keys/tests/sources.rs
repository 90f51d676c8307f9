//! Keys out of files, descriptors and folders, as editors, shells and Kubernetes leave them.

use std::{
    fs,
    os::{
        fd::AsRawFd,
        unix::fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use jobcrypt_core::{CipherName, ErrorKind, Key, KeyProvider, Keys, SecretKey};
use jobcrypt_keys::{KeyRepository, KeySource, Loaded, key_as_text};
use tempfile::TempDir;

fn key() -> String {
    let key = SecretKey::generate().expect("there is randomness");
    key_as_text(CipherName::XCHACHA20_POLY1305, &key).to_string()
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn in_file(text: &str, mode: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    write(&path, text, mode);
    (folder, path)
}

fn load(source: &KeySource) -> Loaded {
    source
        .keyring(jobcrypt_ciphers::encryptor)
        .expect("it holds keys")
}

fn refusal(source: &KeySource) -> String {
    let refused = source.keyring(jobcrypt_ciphers::encryptor);
    refused.expect_err("it is refused").to_string()
}

#[test]
fn a_file_holds_a_list_with_the_newest_key_first() {
    let (_folder, path) = in_file(&format!("{},\n  fernet:{}\n", key(), key()), 0o600);
    let loaded = load(&KeySource::file(&path));
    let ciphers: Vec<_> = loaded.keyring.keys().map(Key::cipher).collect();
    assert_eq!(
        ciphers,
        [CipherName::XCHACHA20_POLY1305, CipherName::FERNET]
    );
    assert!(
        loaded.remarks[0].contains("key 2 of 2"),
        "{:?}",
        loaded.remarks
    );
}

#[test]
fn a_file_that_others_may_read_is_refused_unless_the_app_accepts_it() {
    let (_folder, path) = in_file(&key(), 0o644);
    let refused = refusal(&KeySource::file(&path));
    assert!(refused.contains("chmod 640"), "{refused}");
    load(&KeySource::file(&path).readable_by_others());
    write(&path, &key(), 0o640);
    load(&KeySource::file(&path));
    write(&path, &key(), 0o622);
    refusal(&KeySource::file(&path).readable_by_others());
}

#[test]
fn a_file_that_is_missing_empty_endless_or_a_folder_is_refused() {
    let (folder, path) = in_file("", 0o600);
    assert!(refusal(&KeySource::file(&path)).contains("holds no key"));
    assert!(refusal(&KeySource::file(folder.path())).contains("is a folder"));
    assert!(refusal(&KeySource::file("/nowhere/keys")).contains("check the path"));
    assert!(refusal(&KeySource::file("/dev/zero").readable_by_others()).contains("is a device"));
    write(&path, &"A".repeat(100_000), 0o600);
    assert!(refusal(&KeySource::file(&path)).contains("longer than"));
}

#[test]
fn a_weak_key_is_named_by_its_position() {
    let weak = format!("{}=", "A".repeat(43));
    let (_folder, path) = in_file(&format!("{},{weak}", key()), 0o600);
    let refused = refusal(&KeySource::file(&path));
    assert!(refused.contains("key 2 of 2"), "{refused}");
    assert!(!refused.contains("AAAA"), "{refused}");
}

#[test]
fn a_folder_of_files_says_by_name_which_key_encrypts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (primary, old) = (key(), key());
    write(&folder.path().join("a-year-ago"), &old, 0o600);
    let source = KeySource::directory(folder.path());
    assert_eq!(load(&source).keyring.keys().count(), 1);
    write(&folder.path().join("last-week"), &key(), 0o600);
    assert!(refusal(&source).contains("named `primary`"));
    write(&folder.path().join("primary"), &primary, 0o600);
    let loaded = load(&source);
    let names: Vec<_> = loaded.keyring.keys().filter_map(Key::alias).collect();
    assert_eq!(names, ["primary", "a-year-ago", "last-week"]);
}

#[test]
fn a_mounted_kubernetes_secret_is_read_through_its_links() {
    let folder = tempfile::tempdir().expect("a folder");
    let version = folder.path().join("..2026_11_24");
    fs::create_dir(&version).expect("it can be made");
    write(&version.join("primary"), &format!("{}\n", key()), 0o640);
    write(&version.join("old"), &key(), 0o640);
    symlink("..2026_11_24", folder.path().join("..data")).expect("it can be made");
    for name in ["primary", "old"] {
        let target = Path::new("..data").join(name);
        symlink(target, folder.path().join(name)).expect("it can be made");
    }
    let loaded = load(&KeySource::directory(folder.path()));
    assert_eq!(loaded.keyring.keys().count(), 2);
    assert_eq!(
        loaded.remarks,
        ["the key in primary stood beside a line break"]
    );
}

#[test]
fn a_directory_may_be_a_repository_of_either_layout() {
    let folder = tempfile::tempdir().expect("a folder");
    let native = folder.path().join("native");
    KeyRepository::setup(&native, CipherName::SECRETBOX).expect("it is set up");
    let keystone = folder.path().join("keystone");
    KeyRepository::setup_keystone(&keystone).expect("it is set up");
    for (path, cipher) in [
        (&native, CipherName::SECRETBOX),
        (&keystone, CipherName::FERNET),
    ] {
        let loaded = load(&KeySource::directory(path));
        assert_eq!(loaded.generation, Some(1));
        assert_eq!(loaded.keyring.primary().cipher(), cipher);
        assert_eq!(loaded.keyring.keys().count(), 2);
    }
    fs::set_permissions(&native, fs::Permissions::from_mode(0o750)).expect("it is ours");
    let refused = refusal(&KeySource::directory(&native).readable_by_others());
    assert!(refused.contains("chmod 700"), "{refused}");
}

#[test]
fn a_descriptor_is_read_once_and_keeps_its_keys() {
    let mut child = Command::new("printf")
        .arg(format!("{},{}", key(), key()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("printf runs");
    let pipe = child.stdout.take().expect("it is piped");
    let number = u32::try_from(pipe.as_raw_fd()).expect("a number is never below zero");
    let source = KeySource::descriptor(number);
    let first = load(&source).fingerprint;
    drop(pipe);
    child.wait().expect("it ends");
    assert_eq!(load(&source).fingerprint, first);
    let refused = refusal(&KeySource::descriptor(1_000_000));
    assert!(refused.contains("was it passed"), "{refused}");
}

#[tokio::test]
async fn keys_from_a_source_find_a_key_that_arrived_later() {
    let (_folder, path) = in_file(&key(), 0o600);
    let provider = || KeySource::file(&path).provider(jobcrypt_ciphers::encryptor);
    let keys = Keys::from_provider(provider())
        .await
        .expect("it holds keys");
    write(&path, &format!("{},{}", key(), key()), 0o600);
    assert!(keys.reload().await.expect("it can be read"));
    assert_eq!(keys.snapshot().keys().count(), 2);
    write(&path, "c2hvcnQ=", 0o600);
    let error = provider().keyring().await.expect_err("it is no key");
    assert_eq!(error.kind(), ErrorKind::KeySourceUnavailable);
    assert!(!format!("{error:?}").contains("c2hv"), "{error:?}");
}
