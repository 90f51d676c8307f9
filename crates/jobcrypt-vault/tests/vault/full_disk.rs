//! A disk that is full, or cannot be written to.
#![cfg(target_os = "linux")]

use std::{fs, io};

use jobcrypt_testkit::SmallDisk;
use jobcrypt_vault::{Value, VaultError};

use crate::bench::{files_in, json, options, path, whole};

#[test]
fn a_full_disk_loses_no_vault_and_says_so() -> io::Result<()> {
    SmallDisk::run_test("full_disk::inside_a_full_disk")
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_disk() -> io::Result<()> {
    let disk = SmallDisk::of_this_test()?;
    let long = "x".repeat(3 * SmallDisk::PAGE);
    let values = json(&format!(r#"{{"a":1,"long":"{long}"}}"#));
    let (old, new) = (options(&[1]), options(&[2, 1]));
    let mut refusals = 0;
    for pages_left in 0..8 {
        let folder = disk.path().join(pages_left.to_string());
        fs::create_dir(&folder).expect("there is room");
        let file = folder.join("credentials.vault");
        old.create(&file, &values).expect("there is room");
        disk.fill(pages_left)?;
        let before = fs::read(&file).expect("it is there");

        let set = old.update(&file, |vault| vault.set(&path("b"), &Value::from("x")));
        let rotated = new.rotate(&file).map(|rotated| rotated.is_written);
        let created = old
            .create(folder.join("other.vault"), &values)
            .map(|_| true);
        for done in [&set, &rotated, &created] {
            if let Err(error) = done {
                refusals += 1;
                assert!(matches!(error, VaultError::Io { .. }), "{error}");
                let error = error.to_string();
                assert!(
                    error.contains("nothing is lost: free some space"),
                    "{error}"
                );
            }
        }
        if set.is_err() && rotated.is_err() {
            assert_eq!(fs::read(&file).expect("it is there"), before);
        }
        let left = new.open(&file).expect("it is whole");
        assert_eq!(
            left.get(&path("long")).expect("it opens"),
            Value::from(&*long)
        );
        let halves = files_in(&folder)
            .iter()
            .filter(|name| name.starts_with('.'))
            .count();
        assert_eq!(halves, 0, "a half file keeps the disk full");

        disk.clear()?;
        new.rotate(&file).expect("there is room again");
        let left = options(&[2]).open(&file).expect("it is rotated");
        assert!(whole(&left).contains(&long));
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
    assert!(refusals >= 8, "{refusals}");
    Ok(())
}

#[test]
fn a_disk_that_cannot_be_written_to_is_read_all_the_same() -> io::Result<()> {
    SmallDisk::run_test("full_disk::inside_a_read_only_disk")
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_read_only_disk() -> io::Result<()> {
    let disk = SmallDisk::of_this_test()?;
    let file = disk.path().join("credentials.vault");
    options(&[1])
        .create(&file, &json(r#"{"a":1}"#))
        .expect("there is room");
    disk.make_read_only()?;
    let error = options(&[2, 1])
        .rotate(&file)
        .expect_err("it cannot be written to");
    assert!(
        error.to_string().contains("make the place writable"),
        "{error}"
    );
    assert_eq!(
        whole(&options(&[1]).open(&file).expect("it is read")),
        r#"{"a":1}"#
    );
    Ok(())
}
