use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    VaultError,
    disk::Disk,
    folder::{FileContents, Folder, Lock, Rights},
};

/// Where a vault lies. Links to it are followed once, when it is found; what is replaced later is the file behind them,
/// in its own folder, so that a link stays one.
#[derive(Debug)]
pub(crate) struct Place {
    /// As the caller wrote it, for errors.
    pub(crate) path: PathBuf,
    folder: Folder,
    name: OsString,
}

impl Place {
    /// Finds a vault that is there.
    pub(crate) fn find(path: &Path) -> Result<Self, VaultError> {
        let real = fs::canonicalize(path).map_err(|error| VaultError::io("open", path, error))?;
        Self::at(path, &real)
    }

    /// Finds the place for a vault that is not there yet.
    pub(crate) fn for_new(path: &Path) -> Result<Self, VaultError> {
        Self::at(path, path)
    }

    pub(crate) fn lock(&self, patience: Duration) -> Result<Lock<'_>, VaultError> {
        self.folder.lock(&self.path, patience)
    }

    pub(crate) fn read(&self) -> Result<FileContents, VaultError> {
        self.folder.read(Path::new(&self.name), &self.path)
    }

    /// Makes the file, which must not be there.
    pub(crate) fn create(&self, contents: &[u8]) -> Result<(), VaultError> {
        self.create_on(&self.folder, contents)
    }

    /// The same, on a disk that may die.
    pub(crate) fn create_on(&self, disk: &dyn Disk, contents: &[u8]) -> Result<(), VaultError> {
        let name = Path::new(&self.name);
        let exists = || VaultError::FileExists {
            path: self.path.clone(),
        };
        if self.folder.has(name)? {
            return Err(exists());
        }
        let check = || self.check_what_was_written(contents, |_| Ok(()));
        write(disk, name, contents, Rights::NEW, true, check).map_err(|error| match error {
            VaultError::FileExists { .. } => exists(),
            other => other,
        })
    }

    /// Puts a new file in the place of the old one, at once; before that `check` gets to read what has reached the disk.
    pub(crate) fn replace(
        &self,
        contents: &[u8],
        rights: Rights,
        check: impl FnOnce(&[u8]) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        self.replace_on(&self.folder, contents, rights, check)
    }

    /// The same, on a disk that may die.
    pub(crate) fn replace_on(
        &self,
        disk: &dyn Disk,
        contents: &[u8],
        rights: Rights,
        check: impl FnOnce(&[u8]) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let name = Path::new(&self.name);
        let check = || self.check_what_was_written(contents, check);
        write(disk, name, contents, rights, false, check)
    }

    /// Reads the new file back before it gets its name.
    fn check_what_was_written(
        &self,
        contents: &[u8],
        check: impl FnOnce(&[u8]) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let name = temporary(Path::new(&self.name));
        let written = self.folder.read(&name, &self.path)?;
        if *written.bytes != contents {
            return Err(VaultError::io("write", &self.path, unlike()));
        }
        check(&written.bytes)
    }

    fn at(path: &Path, real: &Path) -> Result<Self, VaultError> {
        let name = real.file_name().ok_or_else(|| VaultError::NotAFile {
            path: path.to_owned(),
            found: "a folder",
        })?;
        let folder = match real.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self {
            path: path.to_owned(),
            folder: Folder::open(folder)?,
            name: name.to_owned(),
        })
    }
}

/// Writes a file beside, waits until it has reached the disk, has it checked, and gives it the name.
fn write(
    disk: &dyn Disk,
    name: &Path,
    contents: &[u8],
    rights: Rights,
    is_new: bool,
    check: impl FnOnce() -> Result<(), VaultError>,
) -> Result<(), VaultError> {
    let temporary = temporary(name);
    // What an earlier attempt left.
    disk.remove(&temporary)?;
    let rename = || {
        if is_new {
            disk.rename_to_new(&temporary, name)
        } else {
            disk.rename(&temporary, name)
        }
    };
    let written = disk
        .create(&temporary, contents, rights)
        .and_then(|()| check())
        .and_then(|()| rename());
    if written.is_err() {
        // A full disk must not stay full of halves. If even that fails, the next attempt does it.
        let _ = disk.remove(&temporary);
    }
    written?;
    disk.sync_names()
}

/// The name of a file that is not yet in its place. There is one for each vault: the lock allows one attempt at a time.
fn temporary(name: &Path) -> PathBuf {
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(".new");
    temporary.into()
}

fn unlike() -> io::Error {
    io::Error::other("what was read back is not what was written")
}
