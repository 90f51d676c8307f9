//! A disk that is full, or cannot be written to.
#![cfg(target_os = "linux")]

use std::{fs, io, time::Duration};

use jobcrypt_core::{CipherName, KeyId};
use jobcrypt_keys::{KeyRepository, RotateError, Rotated, Usage};
use jobcrypt_testkit::SmallDisk;

fn rotate(repository: &KeyRepository) -> Result<Rotated, RotateError> {
    let rotation = repository.begin_rotation()?.with_grace(Duration::ZERO);
    rotation.commit(&Usage::counted([], 0))
}

fn ids(repository: &KeyRepository) -> Vec<KeyId> {
    let snapshot = repository.snapshot().expect("it can be read");
    let retired = snapshot.tombstones().iter().map(|grave| grave.id);
    snapshot.keys().map(|key| key.id).chain(retired).collect()
}

#[test]
fn a_full_disk_loses_no_key_and_says_so() -> io::Result<()> {
    SmallDisk::run_test("inside_a_full_disk")
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_disk() -> io::Result<()> {
    let disk = SmallDisk::of_this_test()?;
    let mut refusals = 0;
    for is_keystone in [true, false] {
        for pages_left in 0..6 {
            let path = disk.path().join(format!("keys-{is_keystone}-{pages_left}"));
            let repository = if is_keystone {
                KeyRepository::setup_keystone(&path)
            } else {
                KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305)
            };
            let repository = repository.expect("there is room");
            rotate(&repository).expect("there is room");
            let before = ids(&repository);
            disk.fill(pages_left)?;
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
            disk.clear()?;
            rotate(&repository).expect("there is room again");
            let after = ids(&repository);
            assert!(before.iter().all(|id| after.contains(id)), "a key is gone");
            fs::remove_dir_all(&path).expect("it can be removed");
        }
    }
    assert!(refusals >= 4, "{refusals}");
    Ok(())
}

#[test]
fn a_setup_on_a_full_disk_is_completed_once_there_is_room() -> io::Result<()> {
    SmallDisk::run_test("inside_a_full_disk_without_keys")
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_disk_without_keys() -> io::Result<()> {
    let disk = SmallDisk::of_this_test()?;
    for pages_left in 0..4 {
        let path = disk.path().join(format!("keys-{pages_left}"));
        disk.fill(pages_left)?;
        let setup = || KeyRepository::setup_keystone(&path);
        if let Err(error) = setup() {
            assert!(error.to_string().contains("free some space"), "{error}");
            let empty = fs::read_dir(&path).expect("it is there").flatten();
            let key_is_empty = |name: &str| name == "0" || name == "1";
            for entry in empty.filter(|entry| entry.file_name().to_str().is_some_and(key_is_empty))
            {
                assert_eq!(entry.metadata().expect("it is there").len(), 44);
            }
            disk.clear()?;
            setup().expect("there is room again");
        } else {
            disk.clear()?;
        }
        assert_eq!(ids(&KeyRepository::open(&path).expect("it opens")).len(), 2);
        fs::remove_dir_all(&path).expect("it can be removed");
    }
    Ok(())
}

#[test]
fn a_disk_that_cannot_be_written_to_is_read_all_the_same() -> io::Result<()> {
    SmallDisk::run_test("inside_a_read_only_disk")
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_read_only_disk() -> io::Result<()> {
    let disk = SmallDisk::of_this_test()?;
    let repository =
        KeyRepository::setup_keystone(disk.path().join("keys")).expect("there is room");
    let before = ids(&repository);
    disk.make_read_only()?;
    let error = rotate(&repository).expect_err("it cannot be written to");
    assert!(error.to_string().contains("nothing is lost"), "{error}");
    assert_eq!(ids(&repository), before);
    let keyring = repository.keyring(jobcrypt_ciphers::encryptor);
    assert_eq!(keyring.expect("it can be read").keys().count(), 2);
    let error = KeyRepository::setup_keystone(disk.path().join("others"));
    assert!(error.is_err_and(|error| error.to_string().contains("make the place writable")));
    Ok(())
}
