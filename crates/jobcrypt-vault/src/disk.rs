//! The few operations that change the folder of a vault. A unit test puts a disk in their place that dies at each of them.

use std::path::Path;

use crate::{
    VaultError,
    folder::{Folder, Rights},
};

/// Changes files of one folder, which it knows by their names.
pub(crate) trait Disk {
    /// Makes a new file that holds `contents` and whose bytes have reached the disk.
    fn create(&self, name: &Path, contents: &[u8], rights: Rights) -> Result<(), VaultError>;

    /// Gives a file another name, in place of whatever had it.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), VaultError>;

    /// Gives a file another name, which nothing may have.
    fn rename_to_new(&self, from: &Path, to: &Path) -> Result<(), VaultError>;

    /// Takes a file away; one that is gone already is no error.
    fn remove(&self, name: &Path) -> Result<(), VaultError>;

    /// Waits until names have reached the disk.
    fn sync_names(&self) -> Result<(), VaultError>;
}

impl Disk for Folder {
    fn create(&self, name: &Path, contents: &[u8], rights: Rights) -> Result<(), VaultError> {
        self.create_file(name, contents, rights)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), VaultError> {
        self.rename_file(from, to)
    }

    fn rename_to_new(&self, from: &Path, to: &Path) -> Result<(), VaultError> {
        self.rename_file_to_new(from, to)
    }

    fn remove(&self, name: &Path) -> Result<(), VaultError> {
        self.remove_file(name)
    }

    fn sync_names(&self) -> Result<(), VaultError> {
        self.sync()
    }
}
