use std::path::PathBuf;

use jobcrypt_core::Error;

use crate::{FileError, RepositoryError};

/// Why a [`KeySource`](crate::KeySource) gave no keys. Names keys by their position, never by a byte.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// A variable names the keys, and another one a file of them.
    #[error("{name} and {name}_FILE are both set; unset one of them")]
    Ambiguous {
        /// The variable.
        name: String,
    },
    /// One of the keys cannot be read.
    #[error("key {position} of {count} in {place}: {why}")]
    BadKey {
        /// Where the list stands.
        place: String,
        /// Its position in the list, from 1.
        position: usize,
        /// How many there are.
        count: usize,
        /// What is wrong.
        why: String,
    },
    /// A descriptor could not be read.
    #[error("descriptor {descriptor} cannot be read: {source}; was it passed to this process?")]
    Descriptor {
        /// The number.
        descriptor: u32,
        /// The system's answer.
        source: FileError,
    },
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The keys form no keyring.
    #[error("{place}: {source}")]
    Keyring {
        /// Where they stand.
        place: String,
        /// What is wrong.
        source: Error,
    },
    /// There is no key.
    #[error("{place} holds no key; `jobcrypt keys generate` prints one")]
    NoKeys {
        /// Where one was looked for.
        place: String,
    },
    /// A folder of key files does not say which one encrypts.
    #[error(
        "{} holds several keys and none is named `primary`; give that name to the file of the key that encrypts",
        path.display()
    )]
    NoPrimary {
        /// The folder.
        path: PathBuf,
    },
    /// The variable holds something other than text.
    #[error("{name} is not text; a key is written in base64")]
    NotText {
        /// The variable.
        name: String,
    },
    /// The repository could not be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The variable is not set.
    #[error(
        "{name} is not set, and neither is {name}_FILE; `jobcrypt keys generate` prints a key for it"
    )]
    Unset {
        /// The variable.
        name: String,
    },
}
