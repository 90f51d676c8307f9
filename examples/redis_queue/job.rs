use std::time::Duration;

use jobcrypt::{Error, tower::job_request};

/// A job of this queue.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) args: String,
    pub(crate) delay: Duration,
}

impl Job {
    /// A job that is due now. The stream gives it its id.
    pub(crate) fn new(kind: &str, args: &str) -> Self {
        Self {
            id: String::new(),
            kind: kind.to_owned(),
            args: args.to_owned(),
            delay: Duration::ZERO,
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

job_request!(Job { kind, args: String });

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
