use jobcrypt::Keys;
use riverqueue::BoxError;
use serde_json::Value;

use crate::{
    database::Database,
    ensure::ensure,
    job_file::FileJob,
    kinds,
    tally::{KeyName, Tally},
    witness::Witness,
};

/// What should be: every job that was enqueued, the key that must have sealed it, and whether it
/// was worked. The database and the workers are held against it.
#[derive(Debug, Default)]
pub(crate) struct Ledger<'a>(Vec<Entry<'a>>);

#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) id: i64,
    pub(crate) job: &'a FileJob,
    pub(crate) key: Option<KeyName>,
    pub(crate) is_worked: bool,
}

impl<'a> Ledger<'a> {
    /// Notes jobs that were enqueued while `keys` were in use.
    pub(crate) fn enqueued(&mut self, jobs: &[&'a FileJob], ids: &[i64], keys: &Keys) {
        let primary = KeyName::from(keys.snapshot().primary());
        self.0.extend(jobs.iter().zip(ids).map(|(&job, &id)| Entry {
            id,
            job,
            key: (job.kind != kinds::READABLE).then(|| primary.clone()),
            is_worked: false,
        }));
    }

    pub(crate) fn worked(&mut self, ids: &[i64]) {
        for entry in &mut self.0 {
            entry.is_worked |= ids.contains(&entry.id);
        }
    }

    /// Returns the jobs of this kind that were worked.
    pub(crate) fn worked_of(&self, kind: &str) -> impl Iterator<Item = &Entry<'a>> {
        let of_kind = move |entry: &&Entry| entry.is_worked && entry.job.kind == kind;
        self.0.iter().filter(of_kind)
    }

    pub(crate) fn left(&self) -> Vec<i64> {
        let left = self.0.iter().filter(|entry| !entry.is_worked);
        left.map(|entry| entry.id).collect()
    }

    /// Compares with what the database counts and with what the workers got. Returns the count.
    pub(crate) async fn audit(
        &self,
        database: &Database,
        witness: &Witness,
    ) -> Result<Tally, BoxError> {
        for entry in &self.0 {
            entry.audit(witness)?;
        }
        let stored = database.tally().await?;
        let expected = self.tally();
        ensure(stored == expected, || {
            format!("the database counts {stored:?}, it should be {expected:?}")
        })?;
        Ok(stored)
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally::new();
        for entry in &self.0 {
            let count = tally.entry(entry.key.clone()).or_default();
            if entry.is_worked {
                count.worked += 1;
            } else {
                count.left += 1;
            }
        }
        tally
    }
}

impl Entry<'_> {
    /// Compares with the args in the database.
    pub(crate) fn check_stored(&self, stored: &str) -> Result<(), BoxError> {
        let written = self.job.args.get();
        let is_as_it_should = match &self.key {
            Some(key) => stored.contains(&key.id) && !stored.contains(written),
            None => is_same_json(stored, written)?,
        };
        ensure(is_as_it_should, || {
            format!(
                "job {} ({}) is not stored as it should be",
                self.id, self.job.kind
            )
        })
    }

    fn audit(&self, witness: &Witness) -> Result<(), BoxError> {
        let seen = witness.saw(self.id);
        let times = usize::from(self.is_worked);
        let (id, kind) = (self.id, &self.job.kind);
        ensure(seen.len() == times, || {
            format!(
                "job {id} ({kind}) was worked {} times, not {times}",
                seen.len()
            )
        })?;
        let Some(seen) = seen.first() else {
            return Ok(());
        };
        let (seen, written) = (seen.get(), self.job.args.get());
        let is_same = if self.key.is_some() {
            seen == written
        } else {
            is_same_json(seen, written)?
        };
        ensure(is_same, || {
            format!("the worker of job {id} ({kind}) got other args than the file has")
        })
    }
}

/// What is stored readable is the database's own JSON: PostgreSQL puts its keys in another order.
fn is_same_json(one: &str, other: &str) -> Result<bool, BoxError> {
    Ok(serde_json::from_str::<Value>(one)? == serde_json::from_str::<Value>(other)?)
}
