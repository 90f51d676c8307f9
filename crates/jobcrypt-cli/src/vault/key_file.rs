//! A file that holds the keys of a vault as a list, when it changes.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::Path,
};

use jobcrypt::{CipherName, SecretKey, keys::key_as_text};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure, vault::source};

/// Puts a new key in front of the list, and has it on the disk before it returns.
pub(crate) fn add_new(path: &Path, cipher: CipherName) -> Result<(), Failure> {
    let key = SecretKey::generate()
        .map_err(|error| Failure::new(Exit::Failed, "no key was made").because(error))?;
    let key = key_as_text(cipher, &key);
    change(path, |old| {
        // One key a line stays so; a first comma makes line breaks mean nothing.
        let is_lines = old.trim().contains('\n') && !old.contains(',');
        let separator = if is_lines { "\n" } else { ",\n" };
        Zeroizing::new(format!(
            "{}:{}{separator}{}",
            cipher.as_str(),
            *key,
            old.trim_start()
        ))
    })
}

/// Leaves the first key only.
pub(crate) fn retire(path: &Path) -> Result<(), Failure> {
    change(path, first_of)
}

/// Writes what [`retire`] would leave beside the file; it is gone when dropped.
pub(crate) fn first(path: &Path) -> Result<NamedTempFile, Failure> {
    let (beside, _) = write_beside(path, first_of).map_err(|error| cannot(path, error))?;
    Ok(beside)
}

fn first_of(list: &str) -> Zeroizing<String> {
    let separator = if list.contains(',') { ',' } else { '\n' };
    let first = list.trim().split(separator).next().unwrap_or_default();
    Zeroizing::new(format!("{}\n", first.trim()))
}

/// Beside it, to the disk, then in its place.
fn change(path: &Path, new: impl FnOnce(&str) -> Zeroizing<String>) -> Result<(), Failure> {
    let changed = write_beside(path, new).and_then(|(beside, folder)| {
        beside.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    });
    changed.map_err(|error| cannot(path, error))
}

fn write_beside(
    path: &Path,
    new: impl FnOnce(&str) -> Zeroizing<String>,
) -> io::Result<(NamedTempFile, &Path)> {
    let stat = fs::symlink_metadata(path)?;
    if !stat.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let old = source::text(&mut File::open(path)?)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut beside = tempfile::Builder::new()
        .prefix(".jobcrypt-keys-")
        .permissions(fs::Permissions::from_mode(stat.mode() & 0o777))
        .tempfile_in(folder)?;
    fchown(&beside, Some(stat.uid()), Some(stat.gid()))?;
    beside.write_all(new(&old).as_bytes())?;
    beside.as_file().sync_all()?;
    Ok((beside, folder))
}

fn cannot(path: &Path, error: io::Error) -> Failure {
    let message = format!("the file of keys {} cannot be changed", path.display());
    Failure::new(Exit::Keys, message)
        .because(error)
        .next_step("it is as it was; a link is not followed, and its folder must be writable")
}
