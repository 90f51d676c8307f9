use std::time::Duration;

use jobcrypt_core::KeyId;

use crate::{FileError, RepositoryError};

/// Why a rotation was refused. Nothing was written, except where
/// [`RotateError::Repository`] says that a file could not be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// Jobs need keys other than the primary: one more rotation could strand them.
    #[error(
        "stored jobs need keys other than the primary: {}; run `jobcrypt jobs migrate`, then rotate again",
        list(counts)
    )]
    KeysInUse {
        /// The keys, each with its jobs.
        counts: Vec<(KeyId, u64)>,
    },
    /// There is no key to promote.
    #[error(
        "no key is staged; if the repository is being copied, wait until that has ended, else run \
         `jobcrypt keys stage`"
    )]
    NoStagedKey,
    /// Keystone's layout keeps three keys, and nobody counted the jobs of the one that would go.
    #[error(
        "key {id} would have to go, and nobody counted its jobs; count them (`--store`), or say that there are none \
         (`--unused`)"
    )]
    NotCounted {
        /// The key that is one too many.
        id: KeyId,
    },
    /// The repository could not be read or changed. Rotate again: the change is completed then.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Jobs need keys that were retired.
    #[error(
        "stored jobs need retired keys: {}; run `jobcrypt keys restore` for each, then `jobcrypt jobs migrate`",
        list(counts)
    )]
    RetiredKeysInUse {
        /// The keys, each with its jobs.
        counts: Vec<(KeyId, u64)>,
    },
    /// Another node encrypts with the staged key already.
    #[error(
        "stored jobs need key {id} ({count}), which is only staged here: another node has rotated already; \
         bring its repository here with `jobcrypt keys export` and `import`"
    )]
    StagedKeyInUse {
        /// The staged key.
        id: KeyId,
        /// Its jobs.
        count: u64,
    },
    /// The staged key is younger than was asked for.
    #[error(
        "key {id} was staged a moment ago, and nodes may not have it yet; wait {} more, then rotate again",
        humantime::format_duration(Duration::from_secs(wait.as_secs() + 1))
    )]
    StagedTooLately {
        /// The staged key.
        id: KeyId,
        /// How long it is to stay staged yet.
        wait: Duration,
    },
    /// Keystone's layout keeps three keys, and the one that would go was the primary a moment ago.
    #[error(
        "key {id} would have to go, and nodes may still encrypt with it; wait {} more, then rotate again",
        humantime::format_duration(Duration::from_secs(wait.as_secs() + 1))
    )]
    TooSoon {
        /// The key that is one too many.
        id: KeyId,
        /// How long it is still kept.
        wait: Duration,
    },
    /// Keystone's layout keeps three keys, and jobs that name no key may need the one that would go.
    #[error(
        "key {id} would have to go, and {count} jobs of legacy forms do not say which key they need; \
         run `jobcrypt jobs migrate`, then rotate again"
    )]
    Unattributed {
        /// The key that is one too many.
        id: KeyId,
        /// The jobs.
        count: u64,
    },
    /// Jobs need keys that this repository never had.
    #[error(
        "stored jobs need keys that are not in this repository: {}; bring them here with `jobcrypt keys import`, \
         or check that this is the repository of that store",
        list(counts)
    )]
    UnknownKeysInUse {
        /// The keys, each with its jobs.
        counts: Vec<(KeyId, u64)>,
    },
}

impl RotateError {
    /// How many jobs stand against the rotation.
    pub(crate) fn jobs(&self) -> u64 {
        match self {
            Self::KeysInUse { counts }
            | Self::RetiredKeysInUse { counts }
            | Self::UnknownKeysInUse { counts } => counts.iter().map(|(_, jobs)| jobs).sum(),
            Self::StagedKeyInUse { count, .. } | Self::Unattributed { count, .. } => *count,
            Self::NoStagedKey
            | Self::NotCounted { .. }
            | Self::Repository(_)
            | Self::StagedTooLately { .. }
            | Self::TooSoon { .. } => 0,
        }
    }
}

impl From<FileError> for RotateError {
    fn from(error: FileError) -> Self {
        Self::Repository(error.into())
    }
}

fn list(counts: &[(KeyId, u64)]) -> String {
    let counts = counts.iter().map(|(id, jobs)| match jobs {
        1 => format!("{id} (1 job)"),
        _ => format!("{id} ({jobs} jobs)"),
    });
    counts.collect::<Vec<_>>().join(", ")
}
