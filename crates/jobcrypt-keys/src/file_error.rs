use std::{io, path::PathBuf};

/// Why a file of keys, or the folder around it, could not be used. Names the place, never what it
/// holds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file belongs to another user.
    #[error(
        "{} belongs to user {owner}, and this runs as user {user}; run it as that user, or `chown` the file",
        path.display()
    )]
    ForeignOwner {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who this process is.
        user: u32,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}{}", path.display(), next_step(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// There is something else in the place of a file or folder.
    #[error("{} is {found}, and should be a {wanted}; put the {wanted} itself there", path.display())]
    NotAFile {
        /// The place.
        path: PathBuf,
        /// What stands there.
        found: &'static str,
        /// What should.
        wanted: &'static str,
    },
    /// The file is longer than any file of keys.
    #[error("{} is longer than {limit} bytes; is this the file that was meant?", path.display())]
    TooBig {
        /// The file.
        path: PathBuf,
        /// The longest that is read.
        limit: u64,
    },
    /// Others than the owner may read or write.
    #[error("{} is open to others (mode {mode:04o}); if it is for keys and nothing else, run `chmod {wanted} {}`", path.display(), path.display())]
    TooOpen {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode to give it, as `chmod` takes it.
        wanted: &'static str,
    },
}

impl FileError {
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::Io {
            path: path.into(),
            doing,
            source: source.into(),
        }
    }

    /// Whether there is something in the place of a new file.
    pub(crate) fn is_there_already(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    }

    /// Whether there is nothing in the place.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

fn next_step(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; nothing is lost: free some space and run it again"
        }
        io::ErrorKind::PermissionDenied => "; run it as the owner of the keys",
        io::ErrorKind::ReadOnlyFilesystem => {
            "; nothing is lost: make the place writable and run it again"
        }
        io::ErrorKind::NotFound => "; check the path",
        io::ErrorKind::AlreadyExists => "; it is not overwritten: remove it, or take another name",
        _ => "",
    }
}
