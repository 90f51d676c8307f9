//! Keystone's layout: what Keystone does is done the same way, its known faults are not.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use jobcrypt_core::{CipherName, SecretKey};
use jobcrypt_keys::{
    KeyRepository, KeyState, Layout, RepositoryError, RotateError, Rotated, Usage, key_as_text,
};
use tempfile::TempDir;

/// A folder that goes with the test, and a place for a repository in it.
struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        Self {
            _folder: folder,
            path,
        }
    }

    /// The folder as Keystone makes it.
    fn made_by_keystone(numbers: &[&str]) -> Self {
        let place = Self::new();
        fs::create_dir(&place.path).expect("it can be made");
        set_mode(&place.path, 0o700);
        for number in numbers {
            place.write(number, &new_key());
        }
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        fs::write(&path, text).expect("it can be written");
        set_mode(&path, 0o600);
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).expect("it can be read")
    }

    fn open(&self) -> KeyRepository {
        KeyRepository::open(&self.path).expect("it opens")
    }

    /// The files that Keystone sees.
    fn numbers(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.path).expect("it is there").flatten();
        let mut numbers: Vec<u64> = entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    /// All that is there, to see that nothing was written.
    fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(&self.path).expect("it is there").flatten();
        let mut all: Vec<_> = entries
            .filter(|entry| entry.file_name() != ".lock")
            .map(|entry| {
                let name = entry.file_name().into_string().expect("it is text");
                (name, fs::read(entry.path()).unwrap_or_default())
            })
            .collect();
        all.sort();
        all
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn new_key() -> String {
    let key = SecretKey::generate().expect("there is randomness");
    key_as_text(CipherName::FERNET, &key).to_string()
}

fn rotate(repository: &KeyRepository) -> Result<Rotated, RotateError> {
    let rotation = repository.begin_rotation()?.with_grace(Duration::ZERO);
    rotation.commit(&Usage::counted([], 0))
}

#[test]
fn rotations_leave_the_files_that_keystone_would() {
    let place = Place::new();
    let repository = KeyRepository::setup_keystone(&place.path).expect("it is set up");
    assert_eq!(place.numbers(), [0, 1]);
    for expected in [[0, 1, 2], [0, 2, 3], [0, 3, 4]] {
        let staged = place.read("0");
        rotate(&repository).expect("it rotates");
        assert_eq!(place.numbers(), expected);
        assert_eq!(place.read(&expected[2].to_string()), staged);
        assert_ne!(place.read("0"), staged);
    }
}

#[test]
fn every_rotation_brings_keys_that_were_never_there() {
    let place = Place::new();
    let repository = KeyRepository::setup_keystone(&place.path).expect("it is set up");
    let mut seen = HashSet::new();
    seen.insert(place.read("0"));
    for _ in 0..60 {
        rotate(&repository).expect("it rotates");
        assert!(seen.insert(place.read("0")));
        assert_eq!(place.numbers().len(), 3);
    }
}

#[test]
fn files_hold_44_characters_that_only_their_owner_may_read() {
    let place = Place::new();
    let repository = KeyRepository::setup_keystone(&place.path).expect("it is set up");
    rotate(&repository).expect("it rotates");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&place.path), 0o700);
    for number in place.numbers() {
        let name = number.to_string();
        assert_eq!(place.read(&name).len(), 44);
        assert_eq!(mode(&place.path.join(name)), 0o600);
    }
}

#[test]
fn a_repository_that_keystone_made_is_read_and_rotated() {
    let place = Place::made_by_keystone(&["0", "3", "4"]);
    let (staged, primary) = (place.read("0"), place.read("4"));
    let repository = place.open();
    assert_eq!(repository.layout(), Layout::Keystone);
    let snapshot = repository.snapshot().expect("it can be read");
    let files: Vec<_> = snapshot.keys().map(|key| (&*key.file, key.state)).collect();
    let expected = [
        ("4", KeyState::Primary),
        ("3", KeyState::Secondary),
        ("0", KeyState::Staged),
    ];
    assert_eq!(files, expected);
    rotate(&repository).expect("it rotates");
    assert_eq!(place.numbers(), [0, 4, 5]);
    assert_eq!((place.read("5"), place.read("4")), (staged, primary));
}

#[test]
fn a_repository_that_keystone_rotates_in_between_stays_one() {
    let place = Place::new();
    let repository = KeyRepository::setup_keystone(&place.path).expect("it is set up");
    // Keystone's own rotation: 0 gets the next number, and a new 0 is written.
    fs::rename(place.path.join("0"), place.path.join("2")).expect("it is there");
    place.write("0", &new_key());
    rotate(&repository).expect("it rotates");
    assert_eq!(place.numbers(), [0, 2, 3]);
}

#[test]
fn names_that_are_no_numbers_are_passed_by_and_stay() {
    let place = Place::made_by_keystone(&["0", "1"]);
    let others = ["99.bak", "~1", "-3", "01", "1_0", "٣", "notes"];
    for name in others {
        place.write(name, "whatever");
    }
    let repository = place.open();
    rotate(&repository).expect("it rotates");
    let snapshot = repository.snapshot().expect("it can be read");
    assert_eq!(snapshot.primary().file, "2");
    for name in others {
        assert_eq!(place.read(name), "whatever");
    }
}

#[test]
fn setting_up_twice_changes_nothing() {
    let place = Place::new();
    KeyRepository::setup_keystone(&place.path).expect("it is set up");
    let before = place.everything();
    let error = KeyRepository::setup_keystone(&place.path).expect_err("it is refused");
    assert!(matches!(error, RepositoryError::AlreadySetUp { .. }));
    assert_eq!(place.everything(), before);
}

#[test]
fn a_setup_over_keys_without_a_staged_one_is_refused_and_stage_mends_it() {
    let place = Place::made_by_keystone(&["1", "2"]);
    let before = place.everything();
    let error = KeyRepository::setup_keystone(&place.path).expect_err("it is refused");
    assert!(matches!(error, RepositoryError::SetUpOverKeys { .. }));
    assert!(error.to_string().contains("keys stage"), "{error}");
    assert_eq!(place.everything(), before);

    let error = rotate(&place.open()).expect_err("nothing is staged");
    assert!(matches!(error, RotateError::NoStagedKey));
    assert_eq!(place.everything(), before);

    place.open().stage().expect("it is staged");
    assert_eq!(place.numbers(), [0, 1, 2]);
    let error = place.open().stage().expect_err("one is staged");
    assert!(matches!(error, RepositoryError::AlreadyStaged { .. }));
}

#[test]
fn a_staged_key_alone_is_the_primary_as_keystone_has_it() {
    let place = Place::made_by_keystone(&["0"]);
    let only = place.read("0");
    let repository = place.open();
    assert_eq!(
        repository
            .snapshot()
            .expect("it can be read")
            .primary()
            .file,
        "0"
    );
    repository.stage().expect("it is staged");
    assert_eq!(place.numbers(), [0, 1]);
    assert_eq!(place.read("1"), only);
    assert_ne!(place.read("0"), only);
}

#[test]
fn an_empty_staged_key_is_never_promoted() {
    let place = Place::made_by_keystone(&["1"]);
    place.write("0", "");
    let before = place.everything();
    let error = rotate(&place.open()).expect_err("nothing is staged");
    assert!(matches!(error, RotateError::NoStagedKey), "{error}");
    assert_eq!(place.everything(), before);
    place.open().stage().expect("it is staged");
    rotate(&place.open()).expect("it rotates");
    assert_eq!(place.read("2").len(), 44);
}

#[test]
fn an_empty_secondary_is_passed_by_and_named() {
    let place = Place::made_by_keystone(&["0", "2"]);
    place.write("1", "");
    let snapshot = place.open().snapshot().expect("it can be read");
    assert_eq!(snapshot.keys().count(), 2);
    assert_eq!(snapshot.remarks(), ["file 1 is empty and was passed by"]);
}

#[test]
fn an_empty_file_that_would_be_the_primary_is_an_error() {
    let place = Place::made_by_keystone(&["0", "1"]);
    place.write("5", "");
    let error = place.open().snapshot().expect_err("it is half written");
    assert!(
        error.to_string().contains("makes it the primary"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_key_is_named_and_its_bytes_are_not() {
    for (text, why) in [
        ("\n", "empty"),
        ("c2hvcnQ=", "this one has 5"),
        ("secretbox:c2hvcnQ=", "5"),
        ("\u{fffd}\u{fffd}", "base64"),
    ] {
        let place = Place::made_by_keystone(&["0", "1", "3"]);
        place.write("2", text);
        let before = place.everything();
        let error = place.open().snapshot().expect_err("it is no key");
        let error = error.to_string();
        assert!(error.contains("keys/2") && error.contains(why), "{error}");
        assert!(!error.contains("c2hv"), "{error}");
        assert!(rotate(&place.open()).is_err());
        assert_eq!(place.everything(), before);
    }
}

#[test]
fn a_line_break_that_an_editor_added_changes_the_hash_and_not_the_key() {
    let place = Place::made_by_keystone(&["0", "1"]);
    let before = place.open().status().expect("it can be read");
    let text = place.read("1");
    place.write("1", &format!("{text}\n"));
    let after = place.open().status().expect("it can be read");
    let (before, after) = (&before.keys[0], &after.keys[0]);
    assert_eq!(after.record.id, before.record.id);
    // Rows of before have the one, and rows that Keystone writes now have the other.
    assert_eq!(after.key_hashes.len(), 2);
    assert_eq!(after.key_hashes[1], before.key_hashes[0]);
    let status = place.open().status().expect("it can be read");
    for hash in &after.key_hashes {
        assert_eq!(status.key_by_hash(hash), Some(before.record.id));
    }
    assert_eq!(status.remarks, ["the key in 1 stood beside a line break"]);
}

#[test]
fn the_null_key_and_a_key_in_two_files_are_refused_before_anything_is_written() {
    let place = Place::made_by_keystone(&["0", "1"]);
    place.write("2", &format!("{}=", "A".repeat(43)));
    let before = place.everything();
    let error = rotate(&place.open()).expect_err("it is weak");
    assert!(
        error.to_string().contains("all its bytes are the same"),
        "{error}"
    );
    assert_eq!(place.everything(), before);

    let place = Place::made_by_keystone(&["0", "1", "2"]);
    place.write("2", &place.read("1"));
    let error = rotate(&place.open()).expect_err("it stands twice");
    assert!(error.to_string().contains("hold the same key"), "{error}");
}

#[test]
fn a_staged_key_that_stands_under_its_new_number_as_well_is_one_key() {
    // Between two files of a copy: the primary's comes first.
    let place = Place::made_by_keystone(&["0", "1"]);
    place.write("2", &place.read("0"));
    let snapshot = place.open().snapshot().expect("it can be read");
    assert_eq!(snapshot.primary().file, "2");
    assert!(snapshot.staged().is_none());
}

#[test]
fn links_folders_and_pipes_are_refused_and_nothing_hangs() {
    let place = Place::made_by_keystone(&["0", "1"]);
    fs::rename(place.path.join("1"), place.path.join("one")).expect("it is there");
    symlink("one", place.path.join("1")).expect("it can be made");
    let error = place.open().snapshot().expect_err("it is a link");
    assert!(error.to_string().contains("a symbolic link"), "{error}");

    let place = Place::made_by_keystone(&["0", "1"]);
    fs::create_dir(place.path.join("7")).expect("it can be made");
    let error = place.open().snapshot().expect_err("it is a folder");
    assert!(error.to_string().contains("is a folder"), "{error}");

    let place = Place::made_by_keystone(&["0", "1"]);
    let pipe = place.path.join("7");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let error = place.open().snapshot().expect_err("it is a pipe");
    assert!(error.to_string().contains("is a pipe"), "{error}");
}

#[test]
fn a_link_in_the_place_of_the_folder_is_refused_with_and_without_a_slash() {
    let place = Place::made_by_keystone(&["0", "1"]);
    let link = place.path.with_file_name("link");
    symlink(&place.path, &link).expect("it can be made");
    for path in [link.clone(), link.join("")] {
        let error = KeyRepository::open(path).expect_err("it is a link");
        assert!(error.to_string().contains("a symbolic link"), "{error}");
    }
}

#[test]
fn what_is_open_to_others_is_refused_with_the_command_that_mends_it() {
    let place = Place::made_by_keystone(&["0", "1"]);
    set_mode(&place.path.join("1"), 0o640);
    let error = place.open().snapshot().expect_err("the group may read it");
    assert!(error.to_string().contains("chmod 600"), "{error}");
    set_mode(&place.path.join("1"), 0o600);

    set_mode(&place.path, 0o755);
    let error = KeyRepository::open(&place.path).expect_err("others may list it");
    assert!(error.to_string().contains("chmod 700"), "{error}");
    set_mode(&place.path, 0o700);

    let parent = place.path.parent().expect("it has one");
    set_mode(parent, 0o777);
    let error = KeyRepository::open(&place.path).expect_err("others may replace it");
    assert!(error.to_string().contains("chmod o-w"), "{error}");
    set_mode(parent, 0o700);
    place.open();
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let place = Place::made_by_keystone(&["0", "1"]);
    // Root can give it away; anybody else has folders of root's around.
    let foreign = match std::os::unix::fs::chown(&place.path, Some(65534), None) {
        Ok(()) => place.path.clone(),
        Err(_) => PathBuf::from("/usr"),
    };
    let error = KeyRepository::open(foreign).expect_err("it is another user's");
    assert!(error.to_string().contains("belongs to user"), "{error}");
}

#[test]
fn numbers_that_are_used_up_are_an_error_before_anything_is_written() {
    let place = Place::made_by_keystone(&["0", "9999999999"]);
    let error = rotate(&place.open()).expect_err("there is no next number");
    assert!(error.to_string().contains("used up"), "{error}");
    assert_eq!(place.numbers(), [0, 9_999_999_999]);
}

#[test]
fn a_key_of_another_cipher_finds_no_place() {
    let place = Place::made_by_keystone(&["0", "1"]);
    let repository = place.open();
    let key = SecretKey::generate().expect("there is randomness");
    let error = repository.add(CipherName::SECRETBOX, key, None);
    let error = error.expect_err("it is refused").to_string();
    assert!(error.contains("Keystone's layout"), "{error}");
    let rotation = repository.begin_rotation().expect("the lock is free");
    let rotation = rotation.with_cipher(CipherName::SECRETBOX);
    assert!(rotation.commit(&Usage::Unknown).is_err());
}

#[test]
fn a_lost_primary_is_an_error_and_no_older_key_encrypts_in_its_place() {
    let place = Place::new();
    let repository = KeyRepository::setup_keystone(&place.path).expect("it is set up");
    let rotation = repository.begin_rotation().expect("the lock is free");
    rotation.commit(&Usage::Unknown).expect("it rotates");
    let lost = place.read("2");
    fs::remove_file(place.path.join("2")).expect("it is there");
    let error = place.open().snapshot().expect_err("the primary is gone");
    let text = error.to_string();
    assert!(text.contains("holds the primary key"), "{text}");
    let findings = jobcrypt_keys::doctor(&place.path, &[]);
    assert!(
        findings[0].is_fault && findings[0].message == text,
        "{findings:?}"
    );
    place.write("2", &lost);
    place.open().snapshot().expect("it is back");

    // Keystone itself has rotated, and removed what was the primary once.
    for number in ["3", "4"] {
        place.write(number, &new_key());
    }
    fs::remove_file(place.path.join("2")).expect("it is there");
    let snapshot = place.open().snapshot().expect("it can be read");
    assert_eq!(snapshot.primary().file, "4");
}
