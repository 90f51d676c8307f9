//! A disk that is full, or cannot be written to: a small one of its own, in a namespace of its own.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use jobcrypt_vault::{Value, VaultError};

use crate::bench::{files_in, json, options, path, whole};

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
fn a_full_disk_loses_no_vault_and_says_so() {
    on_a_small_disk("full_disk::inside_a_full_disk");
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_full_disk() {
    let long = "x".repeat(3 * PAGE);
    let values = json(&format!(r#"{{"a":1,"long":"{long}"}}"#));
    let (old, new) = (options(&[1]), options(&[2, 1]));
    let mut refusals = 0;
    for pages_left in 0..8 {
        let folder = disk().join(pages_left.to_string());
        fs::create_dir(&folder).expect("there is room");
        let file = folder.join("credentials.vault");
        old.create(&file, &values).expect("there is room");
        let ballast = disk().join("ballast");
        fill(&ballast, pages_left);
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

        fs::remove_file(&ballast).expect("it is there");
        new.rotate(&file).expect("there is room again");
        let left = options(&[2]).open(&file).expect("it is rotated");
        assert!(whole(&left).contains(&long));
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
    assert!(refusals >= 8, "{refusals}");
}

#[test]
fn a_disk_that_cannot_be_written_to_is_read_all_the_same() {
    on_a_small_disk("full_disk::inside_a_read_only_disk");
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_read_only_disk() {
    let file = disk().join("credentials.vault");
    options(&[1])
        .create(&file, &json(r#"{"a":1}"#))
        .expect("there is room");
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(disk())
        .status();
    assert!(remounted.expect("mount runs").success());
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
}
