use std::time::Duration;

use jobcrypt::{Error, tower::job_request};

/// A job of this queue. Its kind is the type of its message.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) args: Vec<u8>,
    pub(crate) delay: Duration,
}

impl Job {
    /// A job that is due now, and gets its id when it is stored.
    pub(crate) fn new(kind: &str, args: &str) -> Self {
        Self {
            id: String::new(),
            kind: kind.to_owned(),
            args: args.as_bytes().to_vec(),
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

job_request!(Job { kind, args: Vec<u8> });

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        if error.is_retryable() {
            Self::TryLater
        } else {
            // It names no args, keys or tokens, so it may be logged.
            Self::Park(error.to_string())
        }
    }
}
