//! The doctor names each fault and changes nothing.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use jobcrypt_core::{CipherName, SecretKey};
use jobcrypt_keys::{Finding, KeyRepository, Usage, doctor, key_as_text};

fn codes(path: &Path) -> Vec<&'static str> {
    let findings: Vec<Finding> = doctor(path, &[]);
    findings.into_iter().map(|finding| finding.code).collect()
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

#[test]
fn a_whole_repository_has_no_findings_after_any_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let repository = KeyRepository::setup(&path, CipherName::FERNET).expect("it is set up");
    for _ in 0..3 {
        let rotation = repository.begin_rotation().expect("the lock is free");
        let rotation = rotation.with_grace(Duration::ZERO);
        rotation.commit(&Usage::counted([], 0)).expect("it rotates");
        assert_eq!(codes(&path), Vec::<&str>::new());
    }
    let retired = repository.snapshot().expect("it can be read").tombstones()[0].id;
    repository.destroy(retired).expect("it is retired");
    assert_eq!(codes(&path), Vec::<&str>::new());
}

#[test]
fn each_fault_has_a_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    assert_eq!(codes(&path), ["folder"]);
    fs::create_dir(&path).expect("it can be made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is ours");
    assert_eq!(codes(&path), ["no_keys"]);

    let repository = KeyRepository::setup(&path, CipherName::FERNET).expect("it is set up");
    let key = SecretKey::generate().expect("there is randomness");
    let id = key.id(CipherName::FERNET);
    let unlisted = path.join(format!("fernet-{id}.key"));
    write(&unlisted, &key_as_text(CipherName::FERNET, &key));
    assert_eq!(codes(&path), ["unlisted_key"]);
    fs::remove_file(unlisted).expect("it is there");

    write(&path.join(".new-manifest.json"), "{");
    assert_eq!(codes(&path), ["left_over"]);
    let rotation = repository.begin_rotation().expect("the lock is free");
    rotation.commit(&Usage::Unknown).expect("it rotates");
    assert_eq!(codes(&path), Vec::<&str>::new());

    let snapshot = repository.snapshot().expect("it can be read");
    let primary = path.join(&snapshot.primary().file);
    let text = fs::read_to_string(&primary).expect("it can be read");
    write(&primary, &format!("{text}\n"));
    assert_eq!(codes(&path), ["remark"]);
    write(&primary, &text[..20]);
    assert_eq!(codes(&path), ["unreadable"]);
    write(&primary, &text);

    fs::set_permissions(&primary, fs::Permissions::from_mode(0o644)).expect("it is ours");
    assert_eq!(codes(&path), ["file"]);
}
