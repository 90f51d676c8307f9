//! Jobs that are not worked, and what is written about them into the store they came from.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use apalis_core::{error::BoxDynError, task::Task, timer};
use futures_util::{Stream, future::BoxFuture, stream::FuturesUnordered};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use serde_json::json;
use tracing::warn;

/// Where a job carries along since when it waits, in its metadata.
pub(crate) const WAITING: &str = "jobcrypt.waiting";

/// Where a job on Redis has why it waits or is parked: beside its result, not in its place, since apalis takes
/// a job for done that has one.
pub(crate) const REASON: &str = "jobcrypt.reason";

/// apalis has no state for a job held aside, and deletes what was killed where an app asks it to. A job
/// due this far ahead is neither fetched nor deleted: 100 years.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
const PARKED_FOR: u64 = 100 * 365 * 24 * 3600;

/// How often, and from when on, a store is asked again that did not take what was written.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A job that its worker gives back.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) id: String,
    pub(crate) worker: String,
    pub(crate) fate: Fate,
}

#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It was opened, and runs: that it has waited is forgotten.
    Opened,
    /// It is held aside until someone puts it back.
    Parks { reason: String },
    /// It was fetched by a worker that stops.
    Returns,
    /// It is due again at `due`, in seconds since 1970.
    Waits {
        due: u64,
        reason: String,
        waiting: String,
    },
}

impl Refused {
    /// When the job is due, in seconds since 1970; `None` where it stays due when it is.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn due(&self) -> Option<u64> {
        match self.fate {
            Fate::Opened | Fate::Returns => None,
            Fate::Parks { .. } => Some(now() + PARKED_FOR),
            Fate::Waits { due, .. } => Some(due),
        }
    }

    /// What is written down about it, if anything is.
    pub(crate) fn note(&self) -> Option<String> {
        match &self.fate {
            Fate::Opened | Fate::Returns => None,
            Fate::Parks { reason } => Some(format!("jobcrypt: parked; {reason}")),
            Fate::Waits { reason, .. } => Some(format!("jobcrypt: waits; {reason}")),
        }
    }

    /// The same, as apalis writes the result of a job.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn result(&self) -> Option<String> {
        Some(json!({ "Err": self.note()? }).to_string())
    }

    /// What stands in its metadata at [`WAITING`], if anything does.
    pub(crate) fn waiting(&self) -> Option<&str> {
        match &self.fate {
            Fate::Waits { waiting, .. } => Some(waiting),
            _ => None,
        }
    }
}

/// Writes a refusal into the store, if the worker still has the job.
#[derive(Clone)]
pub struct Refuse(Arc<dyn Fn(Refused) -> BoxFuture<'static, Written> + Send + Sync>);

type Written = Result<(), BoxDynError>;

impl Refuse {
    pub(crate) fn new(
        write: impl Fn(Refused) -> BoxFuture<'static, Written> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(write))
    }

    /// Writes it, and tries again where the store does not take it. Where it never does, the job stays with
    /// its worker until that is gone and apalis fetches it anew.
    pub(crate) async fn write(&self, refused: Refused) {
        for attempt in 0..TRIES {
            match (self.0)(refused.clone()).await {
                Ok(()) => return,
                Err(error) => {
                    warn!(target: "jobcrypt", job = %refused.id, %error, "job.not_put_off");
                }
            }
            timer::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
        }
    }
}

/// What is under way with jobs besides working them. Each ends with the job where it is to be worked after
/// all.
#[derive(Default)]
pub(crate) struct UnderWay(Mutex<FuturesUnordered<BoxFuture<'static, Ended>>>);

pub(crate) type Ended = Option<Task<Vec<u8>>>;

impl UnderWay {
    /// So many at most, since each is a job that its worker has fetched.
    pub(crate) const MOST: usize = 64;

    pub(crate) fn push(&mut self, what: BoxFuture<'static, Ended>) {
        self.get_mut().push(what);
    }

    pub(crate) fn len(&mut self) -> usize {
        self.get_mut().len()
    }

    /// Returns what has ended; `Ready(None)` where nothing is under way.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Ended>> {
        Pin::new(self.get_mut()).poll_next(context)
    }

    /// The lock is never taken: it makes what is under way `Sync`, which a workflow asks of its backend.
    fn get_mut(&mut self) -> &mut FuturesUnordered<BoxFuture<'static, Ended>> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_the_store_does_not_take_is_written_again() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let refuse = Refuse::new(move |refused| {
            assert_eq!(refused.id, "4711");
            let is_first = counted.fetch_add(1, Ordering::Relaxed) == 0;
            let written = if is_first {
                Err("the connection is gone".into())
            } else {
                Ok(())
            };
            async move { written }.boxed()
        });
        let (id, worker) = ("4711".to_owned(), "worker".to_owned());
        let fate = Fate::Returns;
        refuse.write(Refused { id, worker, fate }).await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
