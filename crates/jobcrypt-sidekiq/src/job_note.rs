use std::time::{SystemTime, UNIX_EPOCH};

use jobcrypt_core::Error;
use jobcrypt_tower::Waiting;
use serde::{Deserialize, Serialize};
use sidekiq::Job;

/// What a job that waits has for an error class, and what one that is parked.
const WAITING: &str = "Jobcrypt::Waiting";
const PARKED: &str = "Jobcrypt::Parked";

/// Why a job is not worked: what the middleware notes where Sidekiq keeps the error of a job, the only
/// place in it that rusty-sidekiq carries along. Its class is `Jobcrypt::Waiting` or `Jobcrypt::Parked`,
/// its message JSON, which names no args, keys or tokens. Times are seconds since 1970.
///
/// ```
/// use jobcrypt_sidekiq::JobNote;
///
/// let mut job = sidekiq::opts().create_job("ChargeCard".to_owned(), ())?;
/// assert_eq!(JobNote::of(&job), None);
/// job.error_class = Some("Jobcrypt::Parked".to_owned());
/// job.error_message = Some(r#"{"parked":{"class":"malformed","error":"...","at":1764000000}}"#.to_owned());
/// assert!(matches!(JobNote::of(&job), Some(JobNote::Parked { .. })));
/// # Ok::<(), sidekiq::Error>(())
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
        since: u64,
        /// How often it has waited for this cause.
        times: u32,
        /// Since when its key is unknown, also while other causes come between.
        #[serde(skip_serializing_if = "Option::is_none")]
        key_unknown_since: Option<u64>,
    },
    /// It is held until someone puts it back.
    Parked {
        /// Why it cannot be opened.
        #[serde(flatten)]
        cause: Cause,
        /// When it was parked.
        at: u64,
    },
}

/// Why a job cannot be opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cause {
    /// The class of the error, as [`ErrorKind::as_str`](jobcrypt_core::ErrorKind::as_str) has it.
    pub class: String,
    /// The error's text, which says what to do next.
    pub error: String,
    /// The id of the key, where the token names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl JobNote {
    /// Reads the note of a job, if there is one.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        let class = job.error_class.as_deref()?;
        if ![WAITING, PARKED].contains(&class) {
            return None;
        }
        serde_json::from_str(job.error_message.as_deref()?).ok()
    }

    pub(crate) fn of_waiting(waiting: &Waiting, cause: Cause) -> Self {
        Self::Waiting {
            cause,
            since: waiting.since,
            times: waiting.times,
            key_unknown_since: waiting.key_unknown_since,
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
                since,
                times,
                key_unknown_since,
            }),
            Self::Parked { .. } => None,
        }
    }

    /// Notes it in a job, in the place of an earlier error.
    pub(crate) fn write(&self, job: &mut Job) {
        let class = match self {
            Self::Waiting { .. } => WAITING,
            Self::Parked { .. } => PARKED,
        };
        job.error_class = Some(class.to_owned());
        job.error_message = serde_json::to_string(self).ok();
    }

    /// Takes the note out of a job.
    pub(crate) fn clear(job: &mut Job) {
        if Self::of(job).is_some() {
            job.error_class = None;
            job.error_message = None;
        }
    }
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        Self {
            class: error.kind().as_str().to_owned(),
            error: error.to_string(),
            key_id: error.key_id().map(|id| id.to_string()),
        }
    }
}

/// Returns the time in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
