//! A file that is replaced as a whole: written beside it, to the disk, then put in its place.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

/// The new file, before it has its name. It is taken away when dropped, and where that was not to be, by the next attempt.
pub(super) struct Beside<'p> {
    file: &'p Path,
    new: PathBuf,
}

impl<'p> Beside<'p> {
    /// Writes it, with the mode and the owner of the file whose place it is to take. One attempt is allowed at a time.
    pub(super) fn write(file: &'p Path, contents: &[u8]) -> io::Result<Self> {
        let stat = fs::symlink_metadata(file)?;
        if !stat.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let new = folder_of(file).join(format!(".{}.new", name.display()));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        let beside = Self { file, new };
        let made = created.metadata()?;
        if made.uid() != stat.uid() {
            fchown(&created, Some(stat.uid()), Some(stat.gid()))?;
        } else if made.gid() != stat.gid() {
            // Not every owner may give a file to its group; the owner stays.
            let _ = fchown(&created, None, Some(stat.gid()));
        }
        created.set_permissions(fs::Permissions::from_mode(stat.mode() & 0o777))?;
        created.write_all(contents)?;
        created.sync_all()?;
        Ok(beside)
    }

    pub(super) fn path(&self) -> &Path {
        &self.new
    }

    pub(super) fn put_in_place(self) -> io::Result<()> {
        fs::rename(&self.new, self.file)?;
        File::open(folder_of(self.file))?.sync_all()
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // It is gone where it was put in its place.
        let _ = fs::remove_file(&self.new);
    }
}

pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
