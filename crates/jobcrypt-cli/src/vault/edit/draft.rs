//! Values in plaintext, while they are edited: in a folder of their own, in memory where the system has such a place.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure, vault::source};

/// Gone when dropped, with whatever the editor has put beside it.
pub(super) struct Draft {
    _folder: TempDir,
    path: PathBuf,
}

impl Draft {
    pub(super) fn write(text: &str, extension: &str) -> Result<Self, Failure> {
        write(text, extension).map_err(cannot)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it by its path: many editors put a new file in the place of the old one.
    pub(super) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        let read = File::open(&self.path).and_then(|mut file| source::text(&mut file));
        read.map_err(cannot)
    }
}

fn write(text: &str, extension: &str) -> io::Result<Draft> {
    let folder = tempfile::Builder::new()
        .prefix("jobcrypt-edit-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(place())?;
    let path = folder.path().join(format!("values{extension}"));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?
        .write_all(text.as_bytes())?;
    Ok(Draft {
        _folder: folder,
        path,
    })
}

/// A place that is not on a disk.
fn place() -> PathBuf {
    let of_user = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let places = of_user.into_iter().chain([PathBuf::from("/dev/shm")]);
    let mut usable = places.filter(|place| {
        place.is_absolute()
            && place.is_dir()
            && rustix::fs::access(place, rustix::fs::Access::WRITE_OK).is_ok()
    });
    usable.next().unwrap_or_else(|| {
        let place = env::temp_dir();
        eprintln!(
            "warning: there is no place in memory, so what is edited lies in {} meanwhile",
            place.display()
        );
        place
    })
}

fn cannot(error: io::Error) -> Failure {
    Failure::new(Exit::Failed, "the text for the editor cannot be used").because(error)
}
