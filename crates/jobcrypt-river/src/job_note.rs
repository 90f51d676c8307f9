//! What the plugin writes into a job's metadata while the job cannot be worked.

use jobcrypt_core::Error;
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

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobNote {
    /// It may still become readable, and is tried again.
    Waiting {
        #[serde(flatten)]
        cause: Cause,
        since: Timestamp,
        times: u32,
    },
    /// It is held until someone puts it back.
    Parked {
        #[serde(flatten)]
        cause: Cause,
        at: Timestamp,
    },
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Cause {
    pub(crate) class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        Self {
            class: error.kind().as_str().to_owned(),
            key_id: error.key_id().map(|id| id.to_string()),
        }
    }
}

/// Reads the note of an earlier attempt. What another writer put there counts as none.
pub(crate) fn read(metadata: &JobMetadata) -> Option<JobNote> {
    metadata.get(METADATA_KEY).ok().flatten()
}

pub(crate) fn write(context: &WorkContext, note: &JobNote) -> Result<(), WorkError> {
    context
        .metadata_set(METADATA_KEY, note)
        .map_err(WorkError::new)
}

/// Takes back the note of an earlier attempt, so that a later wait does not count from it.
pub(crate) fn clear(context: &WorkContext, metadata: &JobMetadata) -> Result<(), WorkError> {
    if metadata
        .get_raw(METADATA_KEY)
        .is_none_or(|note| note.get() == "null")
    {
        return Ok(());
    }
    context
        .metadata_set(METADATA_KEY, ())
        .map_err(WorkError::new)
}
