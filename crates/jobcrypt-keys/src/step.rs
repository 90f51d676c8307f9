use zeroize::Zeroizing;

use crate::{
    FileError,
    disk::{ARCHIVE, Disk, TEMPORARY},
};

/// One step of a change to a repository. A change is a list of them; each may be repeated, and
/// after each the repository is whole.
pub(crate) enum Step {
    /// A file with these contents takes the name, at once.
    Write {
        name: String,
        contents: Zeroizing<Vec<u8>>,
    },
    /// A file leaves the repository for the archive.
    Archive { name: String, archived: String },
    /// A file comes back.
    Unarchive { archived: String, name: String },
    /// A file goes for ever.
    Remove { name: String },
}

impl Step {
    /// Does the step, and returns when it has reached the disk.
    pub(crate) fn run(&self, disk: &dyn Disk) -> Result<(), FileError> {
        match self {
            Self::Write { name, contents } => write(disk, name, contents)?,
            Self::Archive { name, archived } => {
                disk.make_archive()?;
                disk.rename(name, archived)?;
            }
            Self::Unarchive { archived, name } => disk.rename(archived, name)?,
            Self::Remove { name } => disk.remove(name)?,
        }
        disk.sync_names()
    }
}

/// Runs the steps in their order, up to the first that fails.
pub(crate) fn run_all(steps: &[Step], disk: &dyn Disk) -> Result<(), FileError> {
    steps.iter().try_for_each(|step| step.run(disk))
}

/// Returns the place in the archive for the file `name`.
pub(crate) fn archived(name: &str) -> String {
    format!("{ARCHIVE}/{name}")
}

fn write(disk: &dyn Disk, name: &str, contents: &[u8]) -> Result<(), FileError> {
    let temporary = format!("{TEMPORARY}{name}");
    // What an earlier attempt left.
    disk.remove(&temporary)?;
    let written = disk
        .create(&temporary, contents)
        .and_then(|()| disk.rename(&temporary, name));
    if written.is_err() {
        // A full disk must not stay full of halves. If even that fails, the next attempt does it.
        let _ = disk.remove(&temporary);
    }
    written
}
