//! Where lines end up: a file, also after it was moved away, or anything that takes bytes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

pub(crate) enum Target {
    File { path: PathBuf, file: File },
    Other(Box<dyn Write + Send>),
}

impl Target {
    pub(crate) fn append(path: PathBuf) -> io::Result<Self> {
        let file = open(&path)?;
        Ok(Self::File { path, file })
    }

    /// Writes some of the bytes and returns how many.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { file, .. } => file.write(bytes),
            Self::Other(writer) => unless_it_panics(|| writer.write(bytes)),
        }
    }

    /// Returns once all is where a loss of power leaves it, as far as the target knows.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::File { file, .. } => file.sync_data(),
            Self::Other(writer) => unless_it_panics(|| writer.flush()),
        }
    }

    /// Opens the path anew where the file was moved away, as programs that rotate logs do.
    pub(crate) fn follow(&mut self) -> io::Result<()> {
        if let Self::File { path, file } = self
            && was_moved(path, file)?
        {
            *file = open(path)?;
        }
        Ok(())
    }
}

/// A writer of the app's that panics is tried again like a disk that fails: a log that ends by it would lose all that follows.
fn unless_it_panics<T>(write: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(write))
        .unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))
}

fn open(path: &PathBuf) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn was_moved(path: &PathBuf, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let held = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) != (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Elsewhere a file that is open cannot be moved away.
#[cfg(not(unix))]
fn was_moved(_: &PathBuf, _: &File) -> io::Result<bool> {
    Ok(false)
}
