use std::error::Error as StdError;

use async_trait::async_trait;

use crate::Behaviour;

/// A queue as [`queue_conformance`](crate::queue_conformance) sees it: both its ways go through one
/// [`EncryptHook`](jobcrypt_core::EncryptHook), and its store can be looked at.
#[async_trait]
pub trait QueueUnderTest: Send {
    /// Stores a job. Returns the id that the store gave it.
    ///
    /// # Errors
    ///
    /// Whatever the app would get.
    async fn enqueue(
        &mut self,
        kind: &str,
        args: &str,
    ) -> Result<String, Box<dyn StdError + Send + Sync>>;

    /// Stores jobs, given as kind and args, in one call of the queue.
    ///
    /// # Errors
    ///
    /// Whatever the app would get.
    async fn enqueue_batch(
        &mut self,
        jobs: &[(&str, &str)],
    ) -> Result<(), Box<dyn StdError + Send + Sync>>;

    /// Stores a job that is due in an hour. Returns its id.
    ///
    /// # Errors
    ///
    /// Whatever the app would get.
    async fn schedule(
        &mut self,
        kind: &str,
        args: &str,
    ) -> Result<String, Box<dyn StdError + Send + Sync>>;

    /// Puts a job that is due into the store, past the hook: as another producer would, or an
    /// intruder. Returns its id.
    async fn plant(&mut self, kind: &str, args: &str) -> String;

    /// Returns the jobs that are not done, parked ones too, as the store holds them, in any order.
    async fn stored(&mut self) -> Vec<StoredJob>;

    /// Returns the output of a job that is done, as the store holds it; `None` where the queue keeps
    /// no outputs.
    async fn stored_output(&mut self, _id: &str) -> Option<String> {
        None
    }

    /// Takes one job that is due, hands it to a worker that does as it is told, and sees to what
    /// becomes of it.
    async fn work_one(&mut self, worker: Worker) -> Attempt;

    /// Makes every job due that is scheduled or waits, as if its time had come. Parked jobs stay
    /// parked.
    async fn make_due(&mut self);

    /// Puts every parked job back into the queue, in the way that its users are told, whether the cause is
    /// mended by now or not.
    async fn put_back(&mut self);

    /// Returns all that the store holds, in whatever form: a dump of the database, its files, the
    /// messages of a stream. It is searched for what must not stand there. `None` where that cannot be
    /// had.
    async fn dump(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Returns why the queue cannot do something, if it cannot: a few words, such as "it has no
    /// batches". The check runs all the same, and must fail.
    fn cannot(&self, _behaviour: Behaviour) -> Option<&'static str> {
        None
    }
}

/// What the worker does with the job that it gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Worker {
    /// Fails, so that the job is to be tried again.
    Fails,
    /// Succeeds with this output, which is JSON.
    Returns(&'static str),
    /// Succeeds, without an output.
    Succeeds,
}

/// What became of an attempt to work a job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// No job was due.
    Idle,
    /// The job was not worked, and is held aside, whole.
    Parked,
    /// The job was not worked, and is tried again later.
    Waits,
    /// A worker got the job, whatever it did with it.
    Worked {
        /// The job's kind.
        kind: String,
        /// The args that the worker got.
        args: String,
    },
}

/// A job as the store holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredJob {
    /// The id that the store gave it.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// The text of its args.
    pub args: String,
}
