//! A file that holds the keys of a vault as a list, when it changes. The folder is locked meanwhile: of two who each put a
//! new key in front, none may lose the other's, which a vault may be sealed with already.

use std::{fs::File, io, path::Path};

use jobcrypt::{CipherName, SecretKey, keys::key_as_text};
use rustix::{
    fs::{FlockOperation, flock},
    io::retry_on_intr,
};
use zeroize::Zeroizing;

use crate::{
    exit::Exit,
    failure::Failure,
    vault::{
        beside::{self, Beside},
        source,
    },
};

/// Puts a new key in front of the list, and has it on the disk before it returns.
pub(crate) fn add_new(path: &Path, cipher: CipherName) -> Result<(), Failure> {
    let key = SecretKey::generate()
        .map_err(|error| Failure::new(Exit::Failed, "no key was made").because(error))?;
    let key = key_as_text(cipher, &key);
    let added = lock(path).and_then(|_lock| {
        let old = read(path)?;
        // One key a line stays so; a first comma makes line breaks mean nothing.
        let is_lines = old.trim().contains('\n') && !old.contains(',');
        let separator = if is_lines { "\n" } else { ",\n" };
        let new = Zeroizing::new(format!(
            "{}:{}{separator}{}",
            cipher.as_str(),
            *key,
            old.trim_start()
        ));
        Beside::write(path, new.as_bytes())?.put_in_place()
    });
    added.map_err(|error| cannot(path, error))
}

/// Leaves the first key only, once `check` has found a list of it alone to be enough.
pub(crate) fn retire(
    path: &Path,
    check: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let cannot = |error| cannot(path, error);
    let _lock = lock(path).map_err(cannot)?;
    let old = read(path).map_err(cannot)?;
    let alone = Beside::write(path, first_of(&old).as_bytes()).map_err(cannot)?;
    check(alone.path())?;
    alone.put_in_place().map_err(cannot)
}

fn first_of(list: &str) -> Zeroizing<String> {
    let separator = if list.contains(',') { ',' } else { '\n' };
    let first = list.trim().split(separator).next().unwrap_or_default();
    Zeroizing::new(format!("{}\n", first.trim()))
}

/// Given back when the folder is closed.
fn lock(path: &Path) -> io::Result<File> {
    let folder = File::open(beside::folder_of(path))?;
    retry_on_intr(|| flock(&folder, FlockOperation::LockExclusive))?;
    Ok(folder)
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    source::text(&mut File::open(path)?)
}

fn cannot(path: &Path, error: io::Error) -> Failure {
    let message = format!("the file of keys {} cannot be changed", path.display());
    Failure::new(Exit::Keys, message)
        .because(error)
        .next_step("it is as it was; a link is not followed, and its folder must be writable")
}
