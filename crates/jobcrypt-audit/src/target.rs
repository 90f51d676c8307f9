//! Where lines end up: a file, also after it was moved away, or anything that takes bytes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

pub(crate) enum Target {
    File {
        path: PathBuf,
        file: File,
        /// Whether a loss of power may still take the file's name with it.
        is_new: bool,
    },
    Other(Box<dyn Write + Send>),
}

impl Target {
    pub(crate) fn append(path: PathBuf) -> io::Result<Self> {
        let file = open(&path)?;
        end_torn_line(&path, &file)?;
        Ok(Self::File {
            path,
            file,
            is_new: true,
        })
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
            Self::File { path, file, is_new } => {
                file.sync_data()?;
                if *is_new {
                    sync_folder(path)?;
                    *is_new = false;
                }
                Ok(())
            }
            Self::Other(writer) => unless_it_panics(|| writer.flush()),
        }
    }

    /// Opens the path anew where the file was moved away, as programs that rotate logs do.
    pub(crate) fn follow(&mut self) -> io::Result<()> {
        if let Self::File { path, file, is_new } = self
            && was_moved(path, file)?
        {
            *file = open(path)?;
            *is_new = true;
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

/// Ends the last line where a process died in the middle of it, so that ours begins on its own.
fn end_torn_line(path: &Path, mut file: &File) -> io::Result<()> {
    let written = file.metadata()?;
    if !written.is_file() || written.len() == 0 {
        return Ok(());
    }
    let mut read = match File::open(path) {
        // Who may only write the log cannot see how it ends.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        opened => opened?,
    };
    let mut last = [0];
    read.seek(SeekFrom::End(-1))?;
    read.read_exact(&mut last)?;
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    match File::open(folder.unwrap_or(Path::new("."))) {
        // Who may not read the folder leaves that to whoever made it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        folder => folder?.sync_all(),
    }
}

/// Elsewhere a folder cannot be opened.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
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
