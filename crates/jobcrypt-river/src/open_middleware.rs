use jobcrypt_core::{AuditEvent, EncryptHook, Error, JobContext};
use riverqueue::{
    JobCancelError, JobRow, WorkCancelled, WorkContext, WorkError, WorkMiddleware, WorkNext,
    WorkOutcome, jiff::Timestamp,
};
use tracing::{error, warn};

use crate::{
    JobNote,
    attempt::{self, Attempt},
    guarded, job_note, reduced_error, sealed_error,
    verdict::{Terms, Verdict},
};

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
        guarded::run(self.hook.open_or_reload(&context, &mut job.encoded_args)).await
    }

    /// Puts off, parks or cancels a job that cannot be opened. Its args stay as they are stored.
    fn refuse(
        &self,
        context: &WorkContext,
        job: &JobRow,
        cause: Error,
    ) -> Result<WorkOutcome, WorkError> {
        let earlier = JobNote::of(&job.metadata);
        match Verdict::on(&cause, earlier.as_ref(), Timestamp::now(), &self.terms) {
            Verdict::Wait { note, delay } => {
                let source = std::error::Error::source(&cause);
                warn!(target: "jobcrypt", job = job.id, error = %cause, source, ?delay, "job.waiting");
                job_note::write(context, &note)?;
                Ok(WorkOutcome::Snooze(delay))
            }
            Verdict::Park { note, delay } => {
                self.hook.audit(&AuditEvent::JobParked {
                    kind: &job.kind,
                    job: &job.id.to_string(),
                    error: &cause,
                });
                job_note::write(context, &note)?;
                Ok(WorkOutcome::Snooze(delay))
            }
            Verdict::Cancel => {
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
        let kind = job.kind.clone();
        let attempt = Attempt {
            hook: self.hook.clone(),
            kind: kind.as_str().into(),
        };
        if !self.terms.seals_errors {
            let result = attempt::enter(attempt, next.run(job)).await;
            return result.map_err(|error| reduced(was_sealed, error));
        }
        let worker = sealed_error::seal_panics(&self.hook, &kind, next.run(job));
        let result = attempt::enter(attempt, worker).await;
        result.map_err(|error| {
            let sealed = sealed_error::seal(&self.hook, &kind, error);
            sealed.unwrap_or_else(|error| reduced(was_sealed, error))
        })
    }
}

/// Takes the words of serde out of an error that is stored as it is.
fn reduced(was_sealed: bool, error: WorkError) -> WorkError {
    if was_sealed {
        reduced_error::reduce(error)
    } else {
        error
    }
}
