//! A crash at each operation of each change: a disk that does some of them and then nothing more.

use std::{cell::Cell, fs, io, path::Path, time::Duration};

use jobcrypt_core::{CipherName, KeyId};

use crate::{
    FileError, KeyRepository, KeyState, Layout, RepositoryError, RotateError, Rotated, Snapshot,
    Usage, archive, disk::Disk, folder::Folder, setup, stage,
};

struct DyingDisk<'f> {
    folder: &'f Folder,
    left: Cell<usize>,
    /// Whether the last operation, writing a file, gets half done.
    tears: bool,
}

impl DyingDisk<'_> {
    fn live(&self) -> Result<(), FileError> {
        let Some(left) = self.left.get().checked_sub(1) else {
            let dead = io::Error::other("the disk is dead");
            return Err(FileError::io("use", self.folder.path(), dead));
        };
        self.left.set(left);
        Ok(())
    }
}

impl Disk for DyingDisk<'_> {
    fn create(&self, name: &str, contents: &[u8]) -> Result<(), FileError> {
        if self.left.get() == 0 && self.tears {
            self.folder
                .create_file(name, &contents[..contents.len() / 2])?;
        }
        self.live()?;
        self.folder.create(name, contents)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        self.live()?;
        self.folder.rename(from, to)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        self.live()?;
        self.folder.remove(name)
    }

    fn make_archive(&self) -> Result<(), FileError> {
        self.live()?;
        self.folder.make_archive()
    }

    fn sync_names(&self) -> Result<(), FileError> {
        self.live()?;
        self.folder.sync_names()
    }
}

const LAYOUTS: [Layout; 2] = [Layout::Keystone, Layout::Native];

fn set_up(path: &Path, layout: Layout) -> Result<KeyRepository, RepositoryError> {
    match layout {
        Layout::Keystone => KeyRepository::setup_keystone(path),
        Layout::Native => KeyRepository::setup(path, CipherName::XCHACHA20_POLY1305),
    }
}

fn nothing_needed() -> Usage {
    Usage::counted([], 0)
}

fn rotate(repository: &KeyRepository) -> Result<Rotated, RotateError> {
    let rotation = repository.begin_rotation()?.with_grace(Duration::ZERO);
    rotation.commit(&nothing_needed())
}

fn snapshot(repository: &KeyRepository) -> Snapshot {
    repository.snapshot().expect("the repository can be read")
}

fn ids(snapshot: &Snapshot) -> Vec<KeyId> {
    snapshot.keys().map(|key| key.id).collect()
}

fn is_in_use_or_archived(snapshot: &Snapshot, id: KeyId) -> bool {
    let is_archived = snapshot.tombstones().iter().any(|grave| {
        let file = grave.file.as_ref();
        grave.id == id
            && file.is_some_and(|file| {
                let left = snapshot.path.join(file.trim_start_matches("archive/"));
                snapshot.path.join(file).exists() || left.exists()
            })
    });
    is_archived || ids(snapshot).contains(&id)
}

/// Runs `change` with a disk that does 0, 1, 2 ... operations, until it needs no more than that.
/// Returns how many it needed.
fn each_crash(mut change: impl FnMut(&Path, usize, bool) -> bool) -> usize {
    for operations in 0..200 {
        let mut is_done = false;
        for tears in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            is_done = change(&folder.path().join("keys"), operations, tears);
        }
        if is_done {
            return operations;
        }
    }
    panic!("the change never ends");
}

#[test]
fn a_rotation_that_dies_loses_no_key_and_is_completed_by_the_next() {
    for layout in LAYOUTS {
        let operations = each_crash(|path, operations, tears| {
            let repository = set_up(path, layout).expect("it is set up");
            rotate(&repository).expect("it rotates");
            let before = snapshot(&repository);
            let old_primary = before.primary().id;
            let promoted = before.staged().expect("one is staged").id;

            let disk = DyingDisk {
                folder: &repository.folder,
                left: Cell::new(operations),
                tears,
            };
            let rotation = repository.begin_rotation().expect("the lock is free");
            let died = rotation
                .with_grace(Duration::ZERO)
                .commit_on(&disk, &nothing_needed())
                .is_err();

            let between = snapshot(&repository);
            for id in ids(&before) {
                assert!(
                    is_in_use_or_archived(&between, id),
                    "{layout:?} {operations}"
                );
            }
            assert!([old_primary, promoted].contains(&between.primary().id));
            if !died {
                return true;
            }

            // Where only the last sync is missing, the rotation is complete.
            let is_complete = between.unfinished.is_none() && between.primary().id == promoted;
            if !is_complete {
                let rotated = rotate(&repository).expect("the rotation is completed");
                assert_eq!(
                    snapshot(&repository).staged().map(|key| key.id),
                    Some(rotated.staged)
                );
            }
            let after = snapshot(&repository);
            assert_eq!(after.primary().id, promoted, "{layout:?} {operations}");
            assert_eq!(ids(&after).len(), 3, "{layout:?} {operations}");
            assert_eq!(ids(&after)[1], old_primary);
            assert_eq!(after.tombstones().len(), 1, "{layout:?} {operations}");
            for id in ids(&before) {
                assert!(is_in_use_or_archived(&after, id), "{layout:?} {operations}");
            }
            assert!(!path.join("0.tmp").exists());
            let names = fs::read_dir(path).expect("it is there").flatten();
            for entry in names {
                let name = entry.file_name().into_string().expect("it is text");
                assert!(!name.starts_with(".new-"), "{name}");
            }
            false
        });
        assert!(operations > 10, "{layout:?} {operations}");
    }
}

#[test]
fn a_job_of_the_old_primary_does_not_keep_a_dead_rotation_from_its_end() {
    for layout in LAYOUTS {
        each_crash(|path, operations, tears| {
            let repository = set_up(path, layout).expect("it is set up");
            rotate(&repository).expect("it rotates");
            let old_primary = snapshot(&repository).primary().id;
            let promoted = snapshot(&repository).staged().expect("one is staged").id;
            let usage = Usage::counted([(old_primary, 7)], 0);
            let disk = DyingDisk {
                folder: &repository.folder,
                left: Cell::new(operations),
                tears,
            };
            let rotation = repository.begin_rotation().expect("the lock is free");
            let rotation = rotation.with_grace(Duration::ZERO);
            if rotation.commit_on(&disk, &usage).is_ok() {
                return true;
            }
            let rotation = repository.begin_rotation().expect("the lock is free");
            let again = rotation.with_grace(Duration::ZERO).commit(&usage);
            // Where only the last sync is missing, the rotation is complete, and refusing to begin
            // another one is right.
            if let Err(error) = again {
                assert!(matches!(error, RotateError::KeysInUse { .. }), "{error}");
            }
            assert_eq!(snapshot(&repository).primary().id, promoted);
            false
        });
    }
}

#[test]
fn a_setup_that_dies_is_completed_by_the_next() {
    for layout in LAYOUTS {
        let cipher = match layout {
            Layout::Keystone => CipherName::FERNET,
            Layout::Native => CipherName::SECRETBOX,
        };
        each_crash(|path, operations, tears| {
            let folder = Folder::make(path).expect("it can be made");
            let disk = DyingDisk {
                folder: &folder,
                left: Cell::new(operations),
                tears,
            };
            let now = std::time::SystemTime::now();
            let died = setup::write(&folder, &disk, layout, cipher, now).is_err();
            match setup::run(path, layout, cipher, now) {
                Ok(_) | Err(RepositoryError::AlreadySetUp { .. }) => {}
                Err(error) => panic!("{layout:?} {operations}: {error}"),
            }
            let repository = KeyRepository::open(path).expect("it is set up");
            assert_eq!(ids(&snapshot(&repository)).len(), 2);
            assert!(snapshot(&repository).staged().is_some());
            let keys = fs::read_dir(path).expect("it is there").flatten().count();
            assert!(keys <= 5, "{layout:?} {operations}: {keys} files");
            !died
        });
    }
}

#[test]
fn staging_restoring_and_destroying_can_be_run_again_after_a_crash() {
    for layout in LAYOUTS {
        each_crash(|path, operations, tears| {
            let repository = set_up(path, layout).expect("it is set up");
            for _ in 0..2 {
                rotate(&repository).expect("it rotates");
            }
            let retired = snapshot(&repository).tombstones()[0].id;
            let disk = DyingDisk {
                folder: &repository.folder,
                left: Cell::new(operations),
                tears,
            };
            let died = archive::restore(&repository.folder, snapshot(&repository), &disk, retired)
                .is_err();
            assert!(is_in_use_or_archived(&snapshot(&repository), retired));
            match repository.restore(retired) {
                // In Keystone's layout the file alone brings the key back.
                Ok(()) | Err(RepositoryError::NotRetired { .. }) => {}
                Err(error) => panic!("{layout:?} {operations}: {error}"),
            }
            let key = snapshot(&repository);
            let key = key
                .keys()
                .find(|key| key.id == retired)
                .expect("it is back");
            assert_eq!(key.state, KeyState::Secondary);
            !died
        });
        each_crash(|path, operations, tears| {
            let repository = set_up(path, layout).expect("it is set up");
            for _ in 0..2 {
                rotate(&repository).expect("it rotates");
            }
            let retired = snapshot(&repository).tombstones()[0].id;
            let disk = DyingDisk {
                folder: &repository.folder,
                left: Cell::new(operations),
                tears,
            };
            let died = archive::destroy(snapshot(&repository), &disk, retired).is_err();
            repository.destroy(retired).expect("it can be run again");
            let grave = snapshot(&repository).tombstones()[0].clone();
            assert!(grave.file.is_none() && grave.destroyed.is_some());
            assert_eq!(
                fs::read_dir(path.join("archive"))
                    .expect("it is there")
                    .count(),
                0
            );
            !died
        });
    }
}

#[test]
fn a_staged_key_that_was_lost_is_made_again() {
    each_crash(|path, operations, tears| {
        let repository = set_up(path, Layout::Keystone).expect("it is set up");
        fs::remove_file(path.join("0")).expect("it is there");
        let disk = DyingDisk {
            folder: &repository.folder,
            left: Cell::new(operations),
            tears,
        };
        let died = stage::run(&repository, snapshot(&repository), &disk).is_err();
        match repository.stage() {
            Ok(_) | Err(RepositoryError::AlreadyStaged { .. }) => {}
            Err(error) => panic!("{operations}: {error}"),
        }
        assert_eq!(ids(&snapshot(&repository)).len(), 2);
        !died
    });
}
