use std::time::Instant;

use jobcrypt::{Error, tower::JobRequest};

use crate::queue::Failed;

/// A job of this queue.
#[derive(Clone, Debug, JobRequest)]
#[job(crate = "jobcrypt::tower")]
pub(crate) struct Job {
    pub(crate) id: usize,
    pub(crate) kind: String,
    pub(crate) args: String,
    pub(crate) due: Instant,
    pub(crate) is_parked: bool,
}

impl Job {
    /// A job that is due now.
    pub(crate) fn new(kind: &str, args: &str) -> Self {
        Self {
            id: 0,
            kind: kind.to_owned(),
            args: args.to_owned(),
            due: Instant::now(),
            is_parked: false,
        }
    }
}

// This, and the derived trait, is new in the queue, and no more.

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        eprintln!("{error}");
        if error.is_retryable() {
            Self::TryLater
        } else {
            Self::Park
        }
    }
}
