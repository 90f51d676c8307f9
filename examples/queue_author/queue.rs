use std::{
    future::{Ready, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tower::{BoxError, Service, ServiceExt};

use crate::job::Job;

/// How long a job waits that is to be tried again.
const DELAY: Duration = Duration::from_secs(10);

/// A queue in memory. It knows nothing of encryption.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue(Arc<Mutex<Vec<Job>>>);

/// What the queue does with a job that was not worked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failed {
    /// It is tried again after a while.
    TryLater,
    /// It is held aside until someone looks at it.
    Park,
}

/// The service that puts jobs into the queue. Users put layers around it.
#[derive(Clone, Debug)]
pub(crate) struct Store(Queue);

impl Queue {
    pub(crate) fn store(&self) -> Store {
        Store(self.clone())
    }

    pub(crate) fn jobs(&self) -> MutexGuard<'_, Vec<Job>> {
        // Whoever panicked with the lock left whole jobs behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the first job that is due to `worker`. Returns what came of it, or `None` where no job is
    /// due.
    pub(crate) async fn work_one<S>(&self, worker: &mut S) -> Option<Result<(), Failed>>
    where
        S: Service<Job, Error = Failed>,
    {
        let now = Instant::now();
        let is_due = |job: &&Job| !job.is_parked && job.due <= now;
        let job = self.jobs().iter().find(is_due)?.clone();
        let id = job.id;
        let call = async { worker.ready().await?.call(job).await };
        let result = call.await.map(|_| ());
        self.finish(id, result);
        Some(result)
    }

    /// Puts back the jobs that are held aside, once somebody has mended why.
    pub(crate) fn put_back(&self) {
        for job in self.jobs().iter_mut().filter(|job| job.is_parked) {
            (job.is_parked, job.due) = (false, Instant::now());
        }
    }

    fn finish(&self, id: usize, result: Result<(), Failed>) {
        let mut jobs = self.jobs();
        if result.is_ok() {
            jobs.retain(|job| job.id != id);
            return;
        }
        for job in jobs.iter_mut().filter(|job| job.id == id) {
            job.is_parked = result == Err(Failed::Park);
            job.due = Instant::now() + DELAY;
        }
    }
}

impl Service<Vec<Job>> for Store {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, jobs: Vec<Job>) -> Self::Future {
        let mut stored = self.0.jobs();
        let first = stored.last().map_or(0, |job| job.id + 1);
        let numbered = jobs.into_iter().zip(first..);
        stored.extend(numbered.map(|(job, id)| Job { id, ..job }));
        ready(Ok(()))
    }
}
