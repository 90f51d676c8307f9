//! What becomes of the file: its mode, links to it, and others that change it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use jobcrypt_vault::{Value, Vault, VaultError, VaultForm, VaultOptions};
use rustix::process::geteuid;

use crate::bench::{files_in, json, key, keyring, on_disk, options, path, whole};

fn mode(file: &Path) -> u32 {
    fs::metadata(file)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

fn set(options: &VaultOptions, file: &Path, at: &str, value: &str) -> Result<bool, VaultError> {
    options.update(file, |vault| vault.set(&path(at), &Value::from(value)))
}

#[test]
fn a_new_file_is_its_owners_and_a_changed_one_stays_whose_it_was() {
    let options = options(&[1]);
    let (folder, file) = on_disk(&options, r#"{"a":1}"#);
    assert_eq!(mode(&file), 0o600);
    for wanted in [0o644, 0o640, 0o600] {
        fs::set_permissions(&file, fs::Permissions::from_mode(wanted)).expect("it is ours");
        set(&options, &file, "b", &wanted.to_string()).expect("it is set");
        assert_eq!(mode(&file), wanted);
    }
    assert_eq!(files_in(folder.path()), ["credentials.vault"]);
}

#[test]
fn a_file_of_somebody_else_stays_theirs_when_root_changes_it() {
    let options = options(&[1]);
    let (_folder, file) = on_disk(&options, r#"{"a":1}"#);
    // Nobody but root may give a file away, and then there is nobody else's to change.
    let other = if geteuid().is_root() {
        12_345
    } else {
        geteuid().as_raw()
    };
    chown(&file, Some(other), None).expect("it is ours to give");
    set(&options, &file, "b", "x").expect("it is set");
    assert_eq!(fs::metadata(&file).expect("it is there").uid(), other);
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn what_is_unchanged_is_not_written() {
    let options = options(&[1]);
    let (_folder, file) = on_disk(&options, r#"{"a":"1"}"#);
    let before = fs::metadata(&file).expect("it is there");
    assert!(!set(&options, &file, "a", "1").expect("it is the same"));
    let mut vault = options.open(&file).expect("it opens");
    assert!(!vault.save().expect("nothing is to be done"));
    let after = fs::metadata(&file).expect("it is there");
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );
}

#[test]
fn a_link_stays_a_link_and_the_file_behind_it_is_changed() {
    let options = options(&[1]);
    let (folder, file) = on_disk(&options, r#"{"a":1}"#);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let link = elsewhere.path().join("link");
    symlink(&file, &link).expect("it is made");
    set(&options, &link, "b", "x").expect("it is set");
    options.rotate(&link).expect("nothing is to be done");
    assert!(
        fs::symlink_metadata(&link)
            .expect("it is there")
            .is_symlink()
    );
    assert_eq!(
        whole(&options.open(&file).expect("it opens")),
        r#"{"a":1,"b":"x"}"#
    );
    assert_eq!(files_in(elsewhere.path()), ["link"]);
    assert_eq!(files_in(folder.path()), ["credentials.vault"]);
}

#[test]
fn nothing_that_is_there_is_overwritten_by_a_new_vault() {
    let options = options(&[1]);
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "text").expect("it is made");
    fs::create_dir(at("folder")).expect("it is made");
    symlink("nowhere", at("link")).expect("it is made");
    for name in ["file", "folder", "link"] {
        let error = options
            .create(at(name), &json("{}"))
            .expect_err("it is there");
        assert!(matches!(error, VaultError::FileExists { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(at("file")).expect("it is there"), "text");
    assert!(!at("nowhere").exists());
    assert_eq!(files_in(folder.path()), ["file", "folder", "link"]);
}

#[test]
fn only_a_file_is_opened() {
    let options = options(&[1]);
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    for place in [&*pipe, folder.path()] {
        let error = options.open(place).expect_err("it is no file");
        assert!(matches!(error, VaultError::NotAFile { .. }), "{error}");
    }
    let error = options
        .open(folder.path().join("missing"))
        .expect_err("it is missing");
    assert!(error.to_string().contains("check the path"), "{error}");
}

#[test]
fn a_file_that_changed_since_it_was_opened_is_not_overwritten() {
    let options = options(&[1]);
    let (_folder, file) = on_disk(&options, r#"{"a":1}"#);
    let mut vault = options.open(&file).expect("it opens");
    vault
        .set(&path("mine"), &Value::from("x"))
        .expect("it is set");
    set(&options, &file, "theirs", "y").expect("it is set");
    let error = vault.save().expect_err("it changed");
    assert!(matches!(error, VaultError::Changed { .. }), "{error}");
    assert_eq!(
        whole(&options.open(&file).expect("it opens")),
        r#"{"a":1,"theirs":"y"}"#
    );
}

#[test]
fn a_vault_that_is_saved_again_and_again_knows_what_it_wrote() {
    for form in [VaultForm::Jobcrypt, VaultForm::Fernet] {
        let options = Vault::options(keyring([key("fernet", 1)])).form(form);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("credentials");
        let mut vault = options.create(&file, &json("{}")).expect("it is created");
        for value in ["x", "y"] {
            assert!(!vault.save().expect("nothing is to be done"), "{form:?}");
            let changed = vault.set(&path("mine"), &Value::from(value));
            assert!(changed.expect("it is set"));
            assert!(vault.save().expect("nobody else changes it"), "{form:?}");
        }
        assert!(!vault.save().expect("nothing is to be done"), "{form:?}");
        assert_eq!(
            whole(&options.open(&file).expect("it opens")),
            r#"{"mine":"y"}"#
        );
    }
}

#[test]
fn changes_of_many_at_once_are_all_kept() {
    let options = options(&[1]);
    let (folder, file) = on_disk(&options, "{}");
    thread::scope(|scope| {
        for writer in 0..8 {
            let (options, file) = (&options, &file);
            scope.spawn(move || {
                for at in 0..5 {
                    set(options, file, &format!("w{writer}.v{at}"), "x")
                        .expect("each waits for its turn");
                }
            });
        }
    });
    assert_eq!(options.open(&file).expect("it opens").names().len(), 40);
    assert_eq!(files_in(folder.path()), ["credentials.vault"]);
}

#[test]
fn who_waits_too_long_says_so_and_changes_nothing() {
    let options = options(&[1]);
    let (_folder, file) = on_disk(&options, "{}");
    let impatient = options.clone().patience(Duration::ZERO);
    let error = options.update(&file, |_: &mut Vault| set(&impatient, &file, "a", "x"));
    assert!(matches!(error, Err(VaultError::Locked { .. })), "{error:?}");
    assert!(set(&impatient, &file, "a", "x").expect("nobody else changes it"));
}

#[test]
fn a_change_that_fails_is_not_saved() {
    let options = options(&[1]);
    let (_folder, file) = on_disk(&options, r#"{"a":1}"#);
    let failed = options.update(&file, |vault| {
        vault.set(&path("b"), &Value::from("x"))?;
        vault.get(&path("c"))
    });
    assert!(matches!(failed, Err(VaultError::PathMissing { .. })));
    assert_eq!(options.open(&file).expect("it opens").names().len(), 1);
}
