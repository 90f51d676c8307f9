//! A disk that is full, or cannot be written to: a small one of its own, in a namespace of its own.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use jobcrypt_core::{CipherName, KeyId};
use jobcrypt_keys::{KeyRepository, RotateError, Rotated, Usage};

const DISK: &str = "JOBCRYPT_TEST_DISK";
const PAGE: usize = 4096;

/// Runs another test of this file inside a disk of 256 KiB.
fn on_a_small_disk(test: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"mount -t tmpfs -o size=256k,mode=0700 none "$1" && exec "$2" --exact "$3" --ignored --nocapture"#;
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(folder.path())
        .arg(env::current_exe().expect("this is a program"))
        .arg(test)
        .env(DISK, folder.path())
        .output()
        .expect("unshare, of util-linux, runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}{error}"
    );
}

fn disk() -> PathBuf {
    PathBuf::from(env::var_os(DISK).expect("the test that runs this one says where"))
}

fn rotate(repository: &KeyRepository) -> Result<Rotated, RotateError> {
    let rotation = repository.begin_rotation()?.with_grace(Duration::ZERO);
    rotation.commit(&Usage::counted([], 0))
}

fn ids(repository: &KeyRepository) -> Vec<KeyId> {
    let snapshot = repository.snapshot().expect("it can be read");
    let retired = snapshot.tombstones().iter().map(|grave| grave.id);
    snapshot.keys().map(|key| key.id).chain(retired).collect()
}

/// Fills the disk up to so many pages.
fn fill(ballast: &Path, pages_left: usize) {
    let mut file = fs::File::create(ballast).expect("there is room for a name");
    while file.write_all(&[0; PAGE]).is_ok() {}
    let length = file.metadata().expect("it is open").len();
    let left = u64::try_from(pages_left * PAGE).expect("it is small");
    file.set_len(length.saturating_sub(left))
        .expect("it can be cut");
}

#[test]
fn a_full_disk_loses_no_key_and_says_so() {
    on_a_small_disk("inside_a_full_disk");
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_disk() {
    let mut refusals = 0;
    for is_keystone in [true, false] {
        for pages_left in 0..6 {
            let path = disk().join(format!("keys-{is_keystone}-{pages_left}"));
            let repository = if is_keystone {
                KeyRepository::setup_keystone(&path)
            } else {
                KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305)
            };
            let repository = repository.expect("there is room");
            rotate(&repository).expect("there is room");
            let before = ids(&repository);
            let ballast = disk().join("ballast");
            fill(&ballast, pages_left);
            if let Err(error) = rotate(&repository) {
                refusals += 1;
                let error = error.to_string();
                assert!(
                    error.contains("nothing is lost: free some space"),
                    "{error}"
                );
            }
            let between = ids(&repository);
            assert!(
                before.iter().all(|id| between.contains(id)),
                "a key is gone"
            );
            fs::remove_file(&ballast).expect("it is there");
            rotate(&repository).expect("there is room again");
            let after = ids(&repository);
            assert!(before.iter().all(|id| after.contains(id)), "a key is gone");
            fs::remove_dir_all(&path).expect("it can be removed");
        }
    }
    assert!(refusals >= 4, "{refusals}");
}

#[test]
fn a_setup_on_a_full_disk_is_completed_once_there_is_room() {
    on_a_small_disk("inside_a_full_disk_without_keys");
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_disk_without_keys() {
    for pages_left in 0..4 {
        let path = disk().join(format!("keys-{pages_left}"));
        let ballast = disk().join("ballast");
        fill(&ballast, pages_left);
        let setup = || KeyRepository::setup_keystone(&path);
        if let Err(error) = setup() {
            assert!(error.to_string().contains("free some space"), "{error}");
            let empty = fs::read_dir(&path).expect("it is there").flatten();
            let key_is_empty = |name: &str| name == "0" || name == "1";
            for entry in empty.filter(|entry| entry.file_name().to_str().is_some_and(key_is_empty))
            {
                assert_eq!(entry.metadata().expect("it is there").len(), 44);
            }
            fs::remove_file(&ballast).expect("it is there");
            setup().expect("there is room again");
        }
        let _ = fs::remove_file(&ballast);
        assert_eq!(ids(&KeyRepository::open(&path).expect("it opens")).len(), 2);
        fs::remove_dir_all(&path).expect("it can be removed");
    }
}

#[test]
fn a_disk_that_cannot_be_written_to_is_read_all_the_same() {
    on_a_small_disk("inside_a_read_only_disk");
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_read_only_disk() {
    let repository = KeyRepository::setup_keystone(disk().join("keys")).expect("there is room");
    let before = ids(&repository);
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(disk())
        .status();
    assert!(remounted.expect("mount runs").success());
    let error = rotate(&repository).expect_err("it cannot be written to");
    assert!(error.to_string().contains("nothing is lost"), "{error}");
    assert_eq!(ids(&repository), before);
    let keyring = repository.keyring(jobcrypt_ciphers::encryptor);
    assert_eq!(keyring.expect("it can be read").keys().count(), 2);
    let error = KeyRepository::setup_keystone(disk().join("others"));
    assert!(error.is_err_and(|error| error.to_string().contains("make the place writable")));
}
