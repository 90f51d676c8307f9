use std::time::Duration;

use jobcrypt::EncryptHook;
use riverqueue::BoxError;

use crate::{
    database::Database,
    job_file::FileJob,
    kinds,
    ledger::Ledger,
    queue::Queue,
    show,
    tally::{Count, KeyName, Tally},
    witness::Witness,
};

pub(crate) const NOW: Duration = Duration::ZERO;
const NEXT_WEEK: Duration = Duration::from_hours(7 * 24);

/// What the acts of the story work on.
pub(crate) struct Stage<'a> {
    pub(crate) hook: EncryptHook,
    pub(crate) ledger: Ledger<'a>,
    pub(crate) queue: Queue,
    database: &'a Database,
    witness: Witness,
}

impl<'a> Stage<'a> {
    /// Starts a worker that seals and opens with `hook`.
    pub(crate) fn new(database: &'a Database, hook: EncryptHook) -> Result<Self, BoxError> {
        let witness = Witness::default();
        Ok(Self {
            queue: Queue::start(database, &hook, &witness)?,
            hook,
            ledger: Ledger::default(),
            database,
            witness,
        })
    }

    /// Stops the worker and starts it again with another hook.
    pub(crate) async fn restart(&mut self, hook: EncryptHook) -> Result<(), BoxError> {
        self.queue.stop().await?;
        self.queue = Queue::start(self.database, &hook, &self.witness)?;
        self.hook = hook;
        Ok(())
    }

    pub(crate) async fn enqueue(
        &mut self,
        jobs: &[&'a FileJob],
        delay: Duration,
    ) -> Result<Vec<i64>, BoxError> {
        let ids = self.queue.enqueue(jobs, delay).await?;
        self.ledger.enqueued(jobs, &ids, self.hook.keys());
        Ok(ids)
    }

    /// Enqueues every third job for next week. Returns the ids of the others and of these.
    pub(crate) async fn enqueue_with_delays(
        &mut self,
        jobs: &[&'a FileJob],
    ) -> Result<(Vec<i64>, Vec<i64>), BoxError> {
        let is_due = |(index, _): &(usize, _)| index % 3 != 2;
        let (due, delayed): (Vec<_>, Vec<_>) = jobs.iter().copied().enumerate().partition(is_due);
        let without_index = |jobs: Vec<(usize, &'a FileJob)>| -> Vec<_> {
            jobs.into_iter().map(|(_, job)| job).collect()
        };
        Ok((
            self.enqueue(&without_index(due), NOW).await?,
            self.enqueue(&without_index(delayed), NEXT_WEEK).await?,
        ))
    }

    /// Waits until these are worked.
    pub(crate) async fn work(&mut self, ids: &[i64]) -> Result<(), BoxError> {
        self.queue.completed(ids).await?;
        self.ledger.worked(ids);
        Ok(())
    }

    /// Holds the database and the workers against the ledger.
    pub(crate) async fn audit(&self) -> Result<Tally, BoxError> {
        self.ledger.audit(self.database, &self.witness).await
    }

    /// Returns the count of the key that seals.
    pub(crate) fn of_primary(&self, tally: &Tally) -> Count {
        let key = KeyName::from(self.hook.keys().snapshot().primary());
        tally.get(&Some(key)).copied().unwrap_or_default()
    }

    /// Shows the first job of each kind as it is stored, beside what its worker got.
    pub(crate) async fn show_samples(&self) -> Result<(), BoxError> {
        for kind in kinds::ALL {
            let mut of_kind = self.ledger.worked_of(kind);
            let entry = of_kind.next().ok_or(format!("no {kind} was worked"))?;
            let stored = self.database.stored_args(entry.id).await?;
            entry.check_stored(&stored)?;
            let seen = self.witness.saw(entry.id);
            let seen = seen.first().map_or("nothing", |args| args.get());
            show::sample(kind, entry.key.is_some(), &stored, seen);
        }
        Ok(())
    }
}
