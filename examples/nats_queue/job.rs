use std::time::SystemTime;

use bytes::Bytes;
use jobcrypt::{Error, tower::job_request};

/// A job of this queue. Its kind is the last part of its subject.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) kind: String,
    pub(crate) args: Bytes,
    /// When it is due; `None` for at once.
    pub(crate) due: Option<SystemTime>,
}

impl Job {
    /// A job that is due at once.
    pub(crate) fn new(kind: &str, args: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            args: Bytes::copy_from_slice(args.as_bytes()),
            due: None,
        }
    }
}

/// Why a job was not worked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failed {
    /// It is tried again after a while.
    TryLater,
    /// It is held aside, for this reason, until someone looks at it.
    Park(String),
}

job_request!(Job { kind, args: Bytes });

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        if error.is_retryable() {
            Self::TryLater
        } else {
            // It names no args, keys or tokens, so it may stand beside the job.
            Self::Park(error.to_string())
        }
    }
}
