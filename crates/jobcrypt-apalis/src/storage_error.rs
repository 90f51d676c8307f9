use std::{error::Error as StdError, fmt};

use jobcrypt_core::Error;

/// Why a job could not be stored, or the store not be asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StorageError<E> {
    /// The job could not be sealed; nothing of it was stored.
    Seal(Error),
    /// The store's own error.
    Store(E),
}

impl<E: fmt::Display> fmt::Display for StorageError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seal(error) => error.fmt(formatter),
            Self::Store(error) => error.fmt(formatter),
        }
    }
}

impl<E: StdError + 'static> StdError for StorageError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Seal(error) => error.source(),
            Self::Store(error) => error.source(),
        }
    }
}
