//! A process that is killed at each system call by which it changes a vault.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
};

use jobcrypt_testkit::kill_at_each_write;
use jobcrypt_vault::{Value, VaultError};

use crate::bench::{files_in, json, on_disk, options, path, whole};

const FILE: &str = "JOBCRYPT_TEST_VAULT";
/// Returns the system calls of these names that another test of this file makes, in their order.
fn calls_of(syscalls: &str, test: &str, file: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("calls");
    let ended = Command::new("strace")
        .args(["--quiet=all", "--follow-forks", "--decode-fds=path"])
        .arg(format!("--trace={syscalls}"))
        .arg(format!("--output={}", log.display()))
        .arg(env::current_exe().expect("this is a program"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FILE, file)
        .output()
        .expect("strace starts: cargo xtask test");
    assert!(ended.status.success());
    let log = fs::read_to_string(log).expect("strace wrote it");
    log.lines().map(str::to_owned).collect()
}

/// Kills a change at each of its writes; `prepare` makes the file, `check` looks at what is left of it.
fn each_kill(
    test: &str,
    prepare: impl Fn() -> (tempfile::TempDir, PathBuf),
    check: impl Fn(&Path),
) {
    let kills = kill_at_each_write(|strace| {
        let (_folder, file) = prepare();
        let ended = Command::new(&strace[0])
            .args(&strace[1..])
            // Tests run in threads.
            .arg("--follow-forks")
            .arg(env::current_exe()?)
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(FILE, &file)
            .output()?;
        check(&file);
        let printed = String::from_utf8_lossy(&ended.stdout);
        let is_killed = ended.status.signal() == Some(9);
        assert!(is_killed || printed.contains("1 passed"), "{printed}");
        Ok(is_killed)
    });
    let kills = kills.expect("strace starts: cargo xtask test");
    assert!(kills >= 6, "it was killed {kills} times only");
}

fn file() -> PathBuf {
    PathBuf::from(env::var_os(FILE).expect("the test that runs this one says where"))
}

fn must_have_left_nothing_behind(file: &Path) {
    let folder = file.parent().expect("it lies in a folder");
    assert_eq!(files_in(folder), ["credentials.vault"]);
}

#[test]
fn a_killed_set_leaves_the_old_vault_or_the_new_one() {
    let options = options(&[1]);
    each_kill(
        "killed::inside_a_killed_set",
        || on_disk(&options, r#"{"a":1,"b":"old"}"#),
        |file| {
            let left = whole(&options.open(file).expect("it is whole"));
            let (old, new) = (r#"{"a":1,"b":"old"}"#, r#"{"a":1,"b":"new"}"#);
            assert!([old, new].contains(&&*left), "{left}");
            // Nobody holds the lock, and what was left behind goes.
            let again = options.update(file, |vault| vault.set(&path("b"), &Value::from("newer")));
            assert!(again.expect("it can be run again"));
            must_have_left_nothing_behind(file);
        },
    );
}

#[test]
fn a_new_file_has_reached_the_disk_before_it_counts_and_so_has_its_name() {
    let (folder, file) = on_disk(&options(&[1]), r#"{"b":"old"}"#);
    let calls = calls_of(
        "fsync,renameat,renameat2",
        "killed::inside_a_killed_set",
        &file,
    );
    let names: Vec<_> = calls
        .iter()
        .map(|call| {
            let at = call.find("fsync").or_else(|| call.find("renameat"));
            call[at.expect("only these are traced")..]
                .split('>')
                .next()
                .expect("a call")
        })
        .collect();
    let folder = folder.path().canonicalize().expect("it is there");
    let new = folder.join(".credentials.vault.new");
    assert!(
        names.len() == 3 && names[0].ends_with(&format!("<{}", new.display())),
        "{calls:?}"
    );
    assert!(names[1].starts_with("renameat"), "{calls:?}");
    assert!(
        names[2].ends_with(&format!("<{}", folder.display())),
        "{calls:?}"
    );
}

#[test]
#[ignore = "run by the tests above"]
fn inside_a_killed_set() {
    let changed = options(&[1]).update(file(), |vault| vault.set(&path("b"), &Value::from("new")));
    assert!(changed.expect("it is set"));
}

#[test]
fn a_killed_rotation_leaves_the_old_vault_or_the_new_one() {
    let values = r#"{"a":1,"b":"x"}"#;
    each_kill(
        "killed::inside_a_killed_rotation",
        || on_disk(&options(&[1]), values),
        |file| {
            let both = options(&[2, 1]);
            let left = both.open(file).expect("it is whole");
            assert_eq!(whole(&left), values);
            assert_eq!(left.keys_in_use().len(), 1, "it is half rotated");
            both.rotate(file).expect("it can be run again");
            assert_eq!(
                whole(&options(&[2]).open(file).expect("it is rotated")),
                values
            );
            // A rotation that was complete writes nothing more, and needs no clearing up.
            both.update(file, |vault| vault.set(&path("c"), &Value::from("x")))
                .expect("it can be changed");
            must_have_left_nothing_behind(file);
        },
    );
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_killed_rotation() {
    let rotated = options(&[2, 1]).rotate(file()).expect("it rotates");
    assert_eq!(rotated.moved, 2);
}

#[test]
fn a_killed_creation_leaves_nothing_or_a_whole_vault() {
    let options = options(&[1]);
    let empty = || {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("credentials.vault");
        (folder, file)
    };
    each_kill("killed::inside_a_killed_creation", empty, |file| {
        match options.create(file, &json(r#"{"a":1}"#)) {
            Ok(_) | Err(VaultError::FileExists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(
            whole(&options.open(file).expect("it is whole")),
            r#"{"a":1}"#
        );
        options
            .update(file, |vault| vault.set(&path("b"), &Value::from("x")))
            .expect("it can be changed");
        must_have_left_nothing_behind(file);
    });
}

#[test]
#[ignore = "run by the test above"]
fn inside_a_killed_creation() {
    options(&[1])
        .create(file(), &json(r#"{"a":1}"#))
        .expect("it is created");
}
