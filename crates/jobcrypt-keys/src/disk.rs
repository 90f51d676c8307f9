//! The few operations that change a repository. A unit test puts a disk in their place that dies
//! at each of them.

use crate::{FileError, folder::Folder};

/// Changes files of a repository, which it knows by their names.
pub(crate) trait Disk {
    /// Makes a new file that holds `contents` and whose bytes have reached the disk.
    fn create(&self, name: &str, contents: &[u8]) -> Result<(), FileError>;

    /// Gives a file another name, in place of whatever had it.
    fn rename(&self, from: &str, to: &str) -> Result<(), FileError>;

    /// Takes a file away; one that is gone already is no error.
    fn remove(&self, name: &str) -> Result<(), FileError>;

    /// Makes the folder of archived keys, unless it is there.
    fn make_archive(&self) -> Result<(), FileError>;

    /// Waits until names have reached the disk.
    fn sync_names(&self) -> Result<(), FileError>;
}

/// Where retired keys rest.
pub(crate) const ARCHIVE: &str = "archive";

/// How files begin that a crash may leave behind. Neither Keystone nor a reader of ours looks at them.
pub(crate) const TEMPORARY: &str = ".new-";

impl Disk for Folder {
    fn create(&self, name: &str, contents: &[u8]) -> Result<(), FileError> {
        self.create_file(name, contents)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        self.rename_file(from, to)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        self.remove_file(name)
    }

    fn make_archive(&self) -> Result<(), FileError> {
        self.make_folder(ARCHIVE)
    }

    fn sync_names(&self) -> Result<(), FileError> {
        self.sync(".")?;
        match self.sync(ARCHIVE) {
            Err(error) if error.is_missing() => Ok(()),
            other => other,
        }
    }
}
