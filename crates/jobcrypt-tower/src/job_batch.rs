use std::slice;

use jobcrypt_core::{EncryptHook, Error};

use crate::JobRequest;

/// A request that holds jobs: one of them, a `Vec` or an array.
///
/// A queue whose batches are a type of its own implements it for that type. All jobs of a batch are
/// sealed, or none.
///
/// ```
/// use jobcrypt_tower::{JobBatch, job_request};
///
/// struct Row {
///     kind: String,
///     args: String,
/// }
///
/// job_request!(Row { kind, args: String });
///
/// struct Insertion {
///     rows: Vec<Row>,
///     queue: String,
/// }
///
/// impl JobBatch for Insertion {
///     type Job = Row;
///
///     fn jobs(&self) -> &[Row] {
///         &self.rows
///     }
///
///     fn jobs_mut(&mut self) -> &mut [Row] {
///         &mut self.rows
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a job nor a batch of jobs",
    note = "implement `JobRequest` for the job type of your queue, or `JobBatch` for its batches"
)]
pub trait JobBatch {
    /// One job of the batch.
    type Job: JobRequest;

    /// Returns the jobs.
    fn jobs(&self) -> &[Self::Job];

    /// Returns the same jobs, in the same order.
    fn jobs_mut(&mut self) -> &mut [Self::Job];
}

impl<J: JobRequest> JobBatch for J {
    type Job = J;

    fn jobs(&self) -> &[J] {
        slice::from_ref(self)
    }

    fn jobs_mut(&mut self) -> &mut [J] {
        slice::from_mut(self)
    }
}

impl<J: JobRequest> JobBatch for Vec<J> {
    type Job = J;

    fn jobs(&self) -> &[J] {
        self
    }

    fn jobs_mut(&mut self) -> &mut [J] {
        self
    }
}

impl<J: JobRequest, const N: usize> JobBatch for [J; N] {
    type Job = J;

    fn jobs(&self) -> &[J] {
        self
    }

    fn jobs_mut(&mut self) -> &mut [J] {
        self
    }
}

/// Seals the args of all jobs, or of none.
pub(crate) fn seal<B: JobBatch>(hook: &EncryptHook, batch: &mut B) -> Result<(), Error> {
    // The usual batch is a single job, which needs no list.
    if let [job] = batch.jobs_mut() {
        let sealed = hook.sealed(&job.context(), job.args())?;
        replace_args(job, sealed);
        return Ok(());
    }
    let jobs = batch.jobs().iter();
    let sealed = hook.sealed_batch(jobs.map(|job| (job.context(), job.args())))?;
    for (job, sealed) in batch.jobs_mut().iter_mut().zip(sealed) {
        replace_args(job, sealed);
    }
    Ok(())
}

/// Opens the args of all jobs, or of none.
pub(crate) fn open<B: JobBatch>(hook: &EncryptHook, batch: &mut B) -> Result<(), Error> {
    if let [job] = batch.jobs_mut() {
        let opened = hook.opened(&job.context(), job.args())?;
        replace_args(job, opened);
        return Ok(());
    }
    let jobs = batch.jobs().iter();
    let opened: Vec<_> = jobs
        .map(|job| hook.opened(&job.context(), job.args()))
        .collect::<Result<_, _>>()?;
    for (job, opened) in batch.jobs_mut().iter_mut().zip(opened) {
        replace_args(job, opened);
    }
    Ok(())
}

fn replace_args<J: JobRequest>(job: &mut J, args: Option<J::Args>) {
    if let Some(args) = args {
        *job.args_mut() = args;
    }
}
