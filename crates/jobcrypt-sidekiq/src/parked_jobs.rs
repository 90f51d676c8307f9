use std::fmt;

use sidekiq::{Job, RedisPool, redis_rs};

use crate::{
    JobNote,
    redis_keys::{PARKED, QUEUES, of_queue, whole},
};

/// The jobs that are parked: in the sorted set [`PARKED`], which nothing but this empties.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = jobcrypt_testkit::RedisServer::start(&std::env::temp_dir())?;
/// # let manager = sidekiq::RedisConnectionManager::new(server.url())?;
/// # let redis = sidekiq::RedisPool::builder().build(manager).await?;
/// use jobcrypt_sidekiq::{JobNote, ParkedJobs};
///
/// let parked = ParkedJobs::new(redis);
/// for job in parked.list().await? {
///     println!("{} {}: {:?}", job.class, job.jid, JobNote::of(&job));
/// }
/// // Once the cause is mended:
/// parked.put_back_all().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ParkedJobs(RedisPool);

/// Moves a job at once, so that it is in one of the two places whatever happens, and only once.
const PUT_BACK: &str = "
    if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
    redis.call('SADD', KEYS[2], ARGV[2])
    redis.call('LPUSH', KEYS[3], ARGV[3])
    return 1";

impl ParkedJobs {
    /// Those in `redis`.
    #[must_use]
    pub fn new(redis: RedisPool) -> Self {
        Self(redis)
    }

    /// Returns them, the one that was parked first before the others. Why each is parked says its
    /// [`JobNote`].
    ///
    /// # Errors
    ///
    /// Whatever Redis says, and when something else stands in the set.
    pub async fn list(&self) -> sidekiq::Result<Vec<Job>> {
        let stored = self.stored().await?;
        let jobs = stored.iter().map(|job| Ok(serde_json::from_str(job)?));
        jobs.collect()
    }

    /// Puts the job of this id back into its queue. Returns whether it was parked.
    ///
    /// # Errors
    ///
    /// Whatever Redis says.
    pub async fn put_back(&self, jid: &str) -> sidekiq::Result<bool> {
        for (stored, job) in self.jobs().await? {
            if job.jid == jid {
                return self.move_back(&stored, job).await;
            }
        }
        Ok(false)
    }

    /// Puts all of them back into their queues. Returns how many. What else stands in the set stays there.
    ///
    /// # Errors
    ///
    /// Whatever Redis says.
    pub async fn put_back_all(&self) -> sidekiq::Result<usize> {
        let mut count = 0;
        for (stored, job) in self.jobs().await? {
            count += usize::from(self.move_back(&stored, job).await?);
        }
        Ok(count)
    }

    async fn jobs(&self) -> sidekiq::Result<Vec<(String, Job)>> {
        let stored = self.stored().await?.into_iter();
        let jobs = stored.filter_map(|stored| {
            let job = serde_json::from_str(&stored).ok()?;
            Some((stored, job))
        });
        Ok(jobs.collect())
    }

    async fn stored(&self) -> sidekiq::Result<Vec<String>> {
        let mut connection = self.0.get().await?;
        Ok(connection.zrange(PARKED.to_owned(), 0, -1).await?)
    }

    async fn move_back(&self, stored: &str, mut job: Job) -> sidekiq::Result<bool> {
        JobNote::clear(&mut job);
        let mut connection = self.0.get().await?;
        let mut call = redis_rs::cmd("EVAL");
        call.arg(PUT_BACK).arg(3);
        for key in [PARKED, QUEUES, &of_queue(&job.queue)] {
            call.arg(whole(&mut connection, key));
        }
        call.arg(stored)
            .arg(&job.queue)
            .arg(serde_json::to_string(&job)?);
        let connection = connection.unnamespaced_borrow_mut();
        Ok(call.query_async(connection).await?)
    }
}

impl fmt::Debug for ParkedJobs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ParkedJobs").finish_non_exhaustive()
    }
}
