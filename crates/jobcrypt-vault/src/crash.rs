//! A crash at each operation of each change: a disk that does some of them and then nothing more.

use std::{cell::Cell, fs, io, path::Path};

use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{Keyring, Keys, SecretKey};

use crate::{
    Value, Vault, VaultError, VaultOptions,
    disk::Disk,
    folder::{Folder, Rights},
    place::Place,
};

struct DyingDisk {
    folder: Folder,
    left: Cell<usize>,
    /// Whether the last operation, writing a file, gets half done.
    tears: bool,
}

impl DyingDisk {
    fn live(&self) -> Result<(), VaultError> {
        let Some(left) = self.left.get().checked_sub(1) else {
            let dead = io::Error::other("the disk is dead");
            return Err(VaultError::io("use", "the disk", dead));
        };
        self.left.set(left);
        Ok(())
    }
}

impl Disk for DyingDisk {
    fn create(&self, name: &Path, contents: &[u8], rights: Rights) -> Result<(), VaultError> {
        if self.left.get() == 0 && self.tears {
            let half = &contents[..contents.len() / 2];
            self.folder.create_file(name, half, rights)?;
        }
        self.live()?;
        self.folder.create(name, contents, rights)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), VaultError> {
        self.live()?;
        self.folder.rename(from, to)
    }

    fn rename_to_new(&self, from: &Path, to: &Path) -> Result<(), VaultError> {
        self.live()?;
        self.folder.rename_to_new(from, to)
    }

    fn remove(&self, name: &Path) -> Result<(), VaultError> {
        self.live()?;
        self.folder.remove(name)
    }

    fn sync_names(&self) -> Result<(), VaultError> {
        self.live()?;
        self.folder.sync_names()
    }
}

fn options() -> VaultOptions {
    let key = SecretKey::generate().expect("there is randomness");
    let keyring = Keyring::new(XChaCha20Poly1305::new(key)).build();
    Vault::options(Keys::from(keyring.expect("the key is sound")))
}

fn values(json: &str) -> Value {
    Value::from_json(json).expect("it is JSON")
}

/// Lets a change die after each number of operations, with and without a torn file, until it lives.
fn each_crash(mut attempt: impl FnMut(&Path, &DyingDisk) -> bool) {
    let mut deaths = 0;
    for tears in [false, true] {
        for operations in 0.. {
            let folder = tempfile::tempdir().expect("a folder");
            let disk = DyingDisk {
                folder: Folder::open(folder.path()).expect("it is there"),
                left: Cell::new(operations),
                tears,
            };
            if attempt(folder.path(), &disk) {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 6, "it died {deaths} times only");
}

#[test]
fn a_change_that_dies_leaves_the_old_vault_or_the_new_one() {
    each_crash(|folder, disk| {
        let options = options();
        let path = folder.join("credentials.vault");
        let mut vault = options.create(&path, &values(r#"{"a":"old","b":1}"#));
        let vault = vault.as_mut().expect("there is room");
        let changed = vault.set(&"a".parse().expect("a path"), &Value::from("new"));
        assert!(changed.expect("it is sealed"));
        let text = vault.to_text().expect("it is written");

        let place = Place::find(&path).expect("it is there");
        let rights = place.read().expect("it is read").rights;
        let written = place.replace_on(disk, text.as_bytes(), rights, |_| Ok(()));

        let between = options.open(&path).expect("it is whole");
        let value = between.get(&"a".parse().expect("a path"));
        let value = value.expect("it opens").to_text();
        assert!(["old", "new"].contains(&&**value));
        let again = options.update(&path, |vault| {
            vault.set(&"a".parse()?, &Value::from("newer"))?;
            Ok::<_, VaultError>(())
        });
        again.expect("it can be run again");
        let names = fs::read_dir(folder).expect("it is there").count();
        assert_eq!(names, 1, "something was left behind");
        written.is_ok()
    });
}

#[test]
fn a_creation_that_dies_leaves_nothing_or_a_whole_vault() {
    each_crash(|folder, disk| {
        let options = options();
        let path = folder.join("credentials.vault");
        let made = options.make(&values(r#"{"a":1}"#)).expect("it is sealed");
        let text = made.to_text().expect("it is written");
        let place = Place::for_new(&path).expect("the folder is there");
        let created = place.create_on(disk, text.as_bytes());

        match options.create(&path, &values(r#"{"a":2}"#)) {
            Ok(_) => assert!(created.is_err(), "a whole vault was overwritten"),
            Err(VaultError::FileExists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(options.open(&path).expect("it is whole").names().len(), 1);
        created.is_ok()
    });
}
