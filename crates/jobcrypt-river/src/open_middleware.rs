use std::{sync::Arc, time::Duration};

use jobcrypt_core::{AuditEvent, EncryptHook, Error, JobContext};
use jobcrypt_tower::{PATIENCE, Verdict, WorkerWords, guarded};
use riverqueue::{
    JobCancelError, JobRow, WorkCancelled, WorkContext, WorkError, WorkMiddleware, WorkNext,
    WorkOutcome, jiff::Timestamp,
};
use tracing::{error, warn};

use crate::{
    Cause, JobNote,
    attempt::{self, Attempt},
    job_note, sealed_error,
    terms::{Refused, Terms},
};

/// River has no state for a job held aside: neither worked, nor retried, nor ever deleted. A job
/// scheduled this far ahead is all of that, and River's own retry puts it back.
const PARKED_FOR: Duration = Duration::from_hours(100 * 365 * 24);

/// Opens the args of a job before it is worked. A middleware, not a hook: only a middleware can
/// put a job off without using up an attempt, and every `work_begin` hook, in whatever order, sees
/// plaintext.
pub(crate) struct OpenMiddleware {
    hook: EncryptHook,
    terms: Terms,
}

impl OpenMiddleware {
    pub(crate) fn new(hook: EncryptHook, terms: Terms) -> Self {
        Self { hook, terms }
    }

    /// Opens the args in place; whether they were sealed.
    async fn open(&self, job: &mut JobRow) -> Result<bool, Error> {
        attempt::check()?;
        let context = JobContext::new(&job.kind);
        let opening = self.hook.open_or_reload(&context, &mut job.encoded_args);
        guarded(opening, tokio::time::sleep(PATIENCE)).await
    }

    /// Puts off, parks or cancels a job that cannot be opened. Its args stay as they are stored.
    fn refuse(
        &self,
        context: &WorkContext,
        job: &JobRow,
        cause: Error,
    ) -> Result<WorkOutcome, WorkError> {
        let earlier = JobNote::of(&job.metadata).and_then(JobNote::waiting);
        let now = Timestamp::now();
        let verdict = Verdict::on(
            &cause,
            earlier.as_ref(),
            job_note::seconds(now),
            self.terms.park_after,
        );
        match (verdict, self.terms.refused) {
            (Verdict::Wait { waiting, delay }, _) => {
                let source = std::error::Error::source(&cause);
                warn!(target: "jobcrypt", job = job.id, error = %cause, source, ?delay, "job.waiting");
                job_note::write(context, &JobNote::of_waiting(&waiting, Cause::from(&cause)))?;
                Ok(WorkOutcome::Snooze(delay))
            }
            (Verdict::Park, Refused::Park) => {
                self.hook.audit(&AuditEvent::JobParked {
                    kind: &job.kind,
                    job: &job.id.to_string(),
                    error: &cause,
                });
                let cause = Cause::from(&cause);
                job_note::write(context, &JobNote::Parked { cause, at: now })?;
                Ok(WorkOutcome::Snooze(PARKED_FOR))
            }
            (Verdict::Park, Refused::Cancel) => {
                error!(target: "jobcrypt", job = job.id, error = %cause, "job.cancelled");
                Err(WorkError::new(JobCancelError::new(cause)))
            }
        }
    }
}

impl WorkMiddleware for OpenMiddleware {
    async fn work(
        &self,
        context: &WorkContext,
        mut job: JobRow,
        next: WorkNext<'_>,
    ) -> Result<WorkOutcome, WorkError> {
        let opened = tokio::select! {
            // Nearly always ready at once; only what waits for a key looks at the clock or the client.
            biased;
            opened = self.open(&mut job) => opened,
            // The client stops while a key is asked for: the job becomes available, its attempt unused.
            () = context.cancellation_token().cancelled() => return Err(WorkError::new(WorkCancelled)),
        };
        let was_sealed = match opened {
            Ok(was_sealed) => was_sealed,
            Err(cause) => return self.refuse(context, &job, cause),
        };
        job_note::clear(context, &job.metadata)?;
        let kind: Arc<str> = job.kind.as_str().into();
        let attempt = Attempt {
            hook: self.hook.clone(),
            kind: Arc::clone(&kind),
        };
        let words = WorkerWords::of(&self.hook, &kind, was_sealed);
        let words = words.readable(!self.terms.seals_errors);
        let worker = attempt::enter(attempt, next.run(job));
        let result = words.run(worker).await;
        result.map_err(|error| sealed_error::seal(words, error))
    }
}
