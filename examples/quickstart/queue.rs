use std::{collections::HashSet, time::Duration};

use jobcrypt::{EncryptHook, river::EncryptPlugin};
use riverqueue::{
    BoxError, Client, EventKind, EventReceiver, InsertBatch, InsertBatchResult, InsertOpts,
    JobEventKind, QueueConfig, RunHandle, jiff::Timestamp,
};

use crate::{database::Database, job_file::FileJob, kinds, witness::Witness};

/// A River client that inserts and works, with the one line that encrypts.
pub(crate) struct Queue {
    client: Client,
    run: RunHandle,
    events: EventReceiver,
}

/// A job that is made due is found by polling; the quickstart is not to wait a second for it.
const POLL: Duration = Duration::from_millis(100);

impl Queue {
    pub(crate) fn start(
        database: &Database,
        hook: &EncryptHook,
        witness: &Witness,
    ) -> Result<Self, BoxError> {
        let client = database
            .client()
            .plugin(EncryptPlugin::new(hook.clone()))
            .workers(kinds::workers(witness)?)
            .queue(
                "default",
                QueueConfig::new(50).with_fetch_poll_interval(POLL),
            )
            .build()?;
        let events = client.subscribe(&[
            EventKind::JobCancelled,
            EventKind::JobCompleted,
            EventKind::JobFailed,
            EventKind::JobSnoozed,
        ])?;
        let run = client.start()?;
        Ok(Self {
            client,
            run,
            events,
        })
    }

    /// Inserts the jobs in one batch, to be worked once `delay` has passed. Returns their ids.
    pub(crate) async fn enqueue(
        &self,
        jobs: &[&FileJob],
        delay: Duration,
    ) -> Result<Vec<i64>, BoxError> {
        let mut batch = InsertBatch::new();
        for job in jobs {
            let opts = if delay.is_zero() {
                InsertOpts::default()
            } else {
                InsertOpts::default().with_scheduled_at(Timestamp::now() + delay)
            };
            kinds::push(&mut batch, job, opts)?;
        }
        let inserted = self.client.insert_batch(batch).await?;
        Ok(inserted.iter().map(InsertBatchResult::id).collect())
    }

    /// Makes delayed jobs due, as if their time had come.
    pub(crate) async fn make_due(&self, ids: &[i64]) -> Result<(), BoxError> {
        for id in ids {
            self.client.jobs().retry(*id).await?;
        }
        Ok(())
    }

    /// Waits until River reports all of these as completed, and fails when it reports anything else.
    pub(crate) async fn completed(&mut self, ids: &[i64]) -> Result<(), BoxError> {
        let mut missing: HashSet<i64> = ids.iter().copied().collect();
        while !missing.is_empty() {
            let event = self.events.recv().await?;
            let Some(event) = event.as_job() else {
                continue;
            };
            let job = &event.job;
            if event.kind != JobEventKind::Completed {
                let (id, kind, state) = (job.id, &job.kind, job.state);
                let why = job.errors.last().map_or("no error", |error| &error.error);
                return Err(format!("job {id} ({kind}) is {state}, not completed: {why}").into());
            }
            if !missing.remove(&job.id) {
                return Err(format!("job {} was worked, and was not due", job.id).into());
            }
        }
        Ok(())
    }

    pub(crate) async fn stop(&mut self) -> Result<(), BoxError> {
        Ok(self.run.stop().await?)
    }
}
