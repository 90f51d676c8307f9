//! What the plugin writes into a job's metadata while the job cannot be worked.

use std::time::Duration;

use jobcrypt_core::Error;
use jobcrypt_tower::Waiting;
use riverqueue::{JobMetadata, WorkContext, WorkError, jiff::Timestamp};
use serde::{Deserialize, Serialize};

/// The key in a job's metadata under which the plugin says why the job waits or is parked:
/// `{"waiting": {..}}` or `{"parked": {..}}`, and `null` once it was opened.
///
/// ```sql
/// -- PostgreSQL
/// select id, kind, metadata->'jobcrypt'->'parked' from river_job
/// where metadata->'jobcrypt' ? 'parked';
/// ```
pub const METADATA_KEY: &str = "jobcrypt";

/// Why a job is not worked: what the plugin notes in its metadata. In River's events such a job looks
/// snoozed.
///
/// ```
/// use jobcrypt_river::JobNote;
/// use riverqueue::JobMetadata;
///
/// let mut metadata = JobMetadata::default();
/// assert_eq!(JobNote::of(&metadata), None);
/// let parked = serde_json::json!({"parked": {"class": "malformed", "at": "2026-11-22T12:00:00Z"}});
/// metadata.insert("jobcrypt", parked)?;
/// assert!(matches!(JobNote::of(&metadata), Some(JobNote::Parked { .. })));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobNote {
    /// It may still become readable, and is tried again.
    Waiting {
        /// Why it cannot be opened.
        #[serde(flatten)]
        cause: Cause,
        /// When it waited first for this cause.
        since: Timestamp,
        /// How often it has waited for this cause.
        times: u32,
        /// Since when its key is unknown, also while other causes come between.
        #[serde(skip_serializing_if = "Option::is_none")]
        key_unknown_since: Option<Timestamp>,
    },
    /// It is held until someone puts it back.
    Parked {
        /// Why it cannot be opened.
        #[serde(flatten)]
        cause: Cause,
        /// When it was parked.
        at: Timestamp,
    },
}

/// Why a job cannot be opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cause {
    /// The class of the error, as [`ErrorKind::as_str`](jobcrypt_core::ErrorKind::as_str) has it.
    pub class: String,
    /// The id of the key, where the token names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl JobNote {
    /// Reads the note in a job's metadata, if there is one. What another writer put there in another
    /// shape counts as none.
    #[must_use]
    pub fn of(metadata: &JobMetadata) -> Option<Self> {
        metadata.get(METADATA_KEY).ok().flatten()
    }

    pub(crate) fn of_waiting(waiting: &Waiting, cause: Cause) -> Self {
        Self::Waiting {
            cause,
            since: timestamp(waiting.since),
            times: waiting.times,
            key_unknown_since: waiting.key_unknown_since.map(timestamp),
        }
    }

    /// Returns what a job that waits carries along.
    pub(crate) fn waiting(self) -> Option<Waiting> {
        match self {
            Self::Waiting {
                cause,
                since,
                times,
                key_unknown_since,
            } => Some(Waiting {
                class: cause.class,
                since: seconds(since),
                times,
                key_unknown_since: key_unknown_since.map(seconds),
            }),
            Self::Parked { .. } => None,
        }
    }
}

/// Seconds since 1970; what lies before counts as that.
pub(crate) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or_default()
}

fn timestamp(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        Self {
            class: error.kind().as_str().to_owned(),
            key_id: error.key_id().map(|id| id.to_string()),
        }
    }
}

pub(crate) fn write(context: &WorkContext, note: &JobNote) -> Result<(), WorkError> {
    context
        .metadata_set(METADATA_KEY, note)
        .map_err(WorkError::new)
}

/// Takes back the note of an earlier attempt, so that a later wait does not count from it. What an app
/// keeps under the same key stays.
pub(crate) fn clear(context: &WorkContext, metadata: &JobMetadata) -> Result<(), WorkError> {
    if JobNote::of(metadata).is_none() {
        return Ok(());
    }
    context
        .metadata_set(METADATA_KEY, ())
        .map_err(WorkError::new)
}
