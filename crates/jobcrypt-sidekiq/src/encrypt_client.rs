use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jobcrypt_core::{EncryptHook, Error, ErrorKind, JobContext, UniqueKeys};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sidekiq::{EnqueueOpts, Job, RedisConnection, RedisPool, Worker, redis_rs};
use zeroize::Zeroizing;

use crate::{
    redis_keys::{QUEUES, SCHEDULE, of_queue},
    stored_args,
};

/// Seals jobs on their way into Redis. Clones share everything.
///
/// rusty-sidekiq has nothing to hook into on that way, so jobs go through this client instead of through
/// `Worker::perform_async`: those that do not are stored in plaintext.
///
/// A job's kind is its class. What is sealed are the args as they are handed over here; the job that is
/// stored has an args array, as Sidekiq wants it, with the one envelope.
///
/// ```
/// use async_trait::async_trait;
/// use jobcrypt_sidekiq::EncryptClient;
/// use sidekiq::{RedisPool, Worker};
///
/// struct ChargeCard;
///
/// #[async_trait]
/// impl Worker<String> for ChargeCard {
///     async fn perform(&self, pan: String) -> sidekiq::Result<()> {
///         let _ = pan;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = jobcrypt_testkit::RedisServer::start(&std::env::temp_dir())?;
/// # let manager = sidekiq::RedisConnectionManager::new(server.url())?;
/// # let redis = RedisPool::builder().build(manager).await?;
/// # let key = jobcrypt_core::SecretKey::generate()?;
/// # let keyring = jobcrypt_core::Keyring::new(jobcrypt_ciphers::XChaCha20Poly1305::new(key)).build()?;
/// # let hook = jobcrypt_core::EncryptHook::builder(keyring).build()?;
/// let client = EncryptClient::new(hook, redis);
/// let jid = client.perform_async::<ChargeCard, _>("4111111111111111".to_owned()).await?;
/// assert!(jid.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EncryptClient {
    pub(crate) hook: EncryptHook,
    pub(crate) redis: RedisPool,
    unique: Unique,
}

/// How equal jobs are known.
#[derive(Clone)]
enum Unique {
    ByKeys(Arc<UniqueKeys>),
    /// By the hash of rusty-sidekiq, which anybody can compute.
    ByPlainHash,
    /// Sealed jobs not at all, readable ones by that hash.
    Unsaid,
}

/// A job whose args are not in it yet.
struct Draft {
    job: Job,
    json: Zeroizing<Vec<u8>>,
}

impl EncryptClient {
    /// Seals with `hook` and stores in `redis`.
    #[must_use]
    pub fn new(hook: EncryptHook, redis: RedisPool) -> Self {
        Self {
            hook,
            redis,
            unique: Unique::Unsaid,
        }
    }

    /// Keeps unique jobs apart by keyed hashes of their args, so that nobody who reads Redis can try what they are. Jobs that
    /// are unique and sealed need it: without, they are refused.
    ///
    /// All clients that enqueue a class need the same keys: one without them does not see the jobs of the others. While
    /// the keys change over, a job is held against those under either.
    #[must_use]
    pub fn unique_by(mut self, keys: impl Into<Arc<UniqueKeys>>) -> Self {
        self.unique = Unique::ByKeys(keys.into());
        self
    }

    /// Keeps unique jobs apart by the hash of rusty-sidekiq, as clients do that do not seal: its name in Redis tells whoever
    /// reads it whether a guess of the args is right. For the time in which both are about.
    #[must_use]
    pub fn unique_by_plain_hash(mut self) -> Self {
        self.unique = Unique::ByPlainHash;
        self
    }

    /// Enqueues a job for a worker, with the worker's own options. Returns its id; `None` when it is
    /// unique and was there already.
    ///
    /// # Errors
    ///
    /// [`sidekiq::Error::Any`] with a [`jobcrypt_core::Error`] when it could not be sealed, or is unique and sealed and
    /// nothing says by [which hash](Self::unique_by), and whatever Redis says. Nothing was stored.
    pub async fn perform_async<W, A>(&self, args: A) -> sidekiq::Result<Option<String>>
    where
        W: Worker<A>,
        A: Serialize,
    {
        self.push(&W::opts().into_opts(), W::class_name(), args)
            .await
    }

    /// Enqueues a job that is due after `delay`. Returns its id. As in rusty-sidekiq, it is not held
    /// against other jobs for being unique.
    ///
    /// # Errors
    ///
    /// Those of [`perform_async`](Self::perform_async).
    pub async fn perform_in<W, A>(&self, delay: Duration, args: A) -> sidekiq::Result<String>
    where
        W: Worker<A>,
        A: Serialize,
    {
        self.push_in(&W::opts().into_opts(), W::class_name(), delay, args)
            .await
    }

    /// Enqueues a job for a class that need not be a worker in Rust. Returns what
    /// [`perform_async`](Self::perform_async) does.
    ///
    /// # Errors
    ///
    /// Those of [`perform_async`](Self::perform_async).
    pub async fn push(
        &self,
        opts: &EnqueueOpts,
        class: impl Into<String>,
        args: impl Serialize,
    ) -> sidekiq::Result<Option<String>> {
        let stored = self
            .store(vec![Draft::new(opts, class.into(), &args)?])
            .await?;
        Ok(stored.into_iter().next().flatten())
    }

    /// Enqueues such a job that is due after `delay`. Returns its id.
    ///
    /// # Errors
    ///
    /// Those of [`perform_async`](Self::perform_async).
    pub async fn push_in(
        &self,
        opts: &EnqueueOpts,
        class: impl Into<String>,
        delay: Duration,
        args: impl Serialize,
    ) -> sidekiq::Result<String> {
        let draft = Draft::new(opts, class.into(), &args)?;
        let jobs = self.sealed(vec![draft])?;
        let mut connection = self.redis.get().await?;
        let due = (since_1970() + delay).as_secs_f64();
        for job in &jobs {
            let stored = serde_json::to_string(job)?;
            connection.zadd(SCHEDULE.to_owned(), stored, due).await?;
        }
        Ok(jobs.into_iter().map(|job| job.jid).collect())
    }

    /// Enqueues jobs of any classes, as [`EnqueueOpts::create_job`] makes them: all of them or, where one
    /// cannot be sealed, none. Redis takes them in one transaction. Returns, for each, what
    /// [`perform_async`](Self::perform_async) does.
    ///
    /// # Errors
    ///
    /// Those of [`perform_async`](Self::perform_async).
    pub async fn push_all(
        &self,
        jobs: impl IntoIterator<Item = Job>,
    ) -> sidekiq::Result<Vec<Option<String>>> {
        let drafts = jobs.into_iter().map(Draft::of);
        self.store(drafts.collect::<sidekiq::Result<_>>()?).await
    }

    /// Seals all of them, or fails.
    fn sealed(&self, drafts: Vec<Draft>) -> sidekiq::Result<Vec<Job>> {
        let jobs = drafts
            .iter()
            .map(|draft| (JobContext::new(&draft.job.class), &*draft.json));
        let sealed = self.hook.sealed_batch(jobs).map_err(seal_failed)?;
        drafts
            .into_iter()
            .zip(sealed)
            .map(|(Draft { mut job, json }, sealed)| {
                let stored: Value = serde_json::from_slice(sealed.as_ref().unwrap_or(&json))?;
                job.args = match sealed {
                    Some(_) => Value::Array(vec![stored]),
                    None => stored_args::in_array(stored),
                };
                Ok(job)
            })
            .collect()
    }

    /// Fails where a hash of what is sealed in one of the jobs would be stored without a key.
    fn refuse_guessable(&self, jobs: &[Job]) -> sidekiq::Result<()> {
        let would_be_guessable = |job: &Job| {
            let Some([only]) = job.args.as_array().map(Vec::as_slice) else {
                return false;
            };
            let envelope = only.to_string();
            let context = JobContext::new(&job.class);
            job.unique_for.is_some() && self.hook.is_sealed(&context, envelope.as_bytes())
        };
        match self.unique {
            Unique::Unsaid if jobs.iter().any(would_be_guessable) => {
                let detail = "a job is unique and sealed, and by rusty-sidekiq's hash whoever reads Redis could guess its args; \
                              give the client keys by `unique_by`";
                Err(seal_failed(Error::new(
                    ErrorKind::InvalidConfiguration,
                    detail,
                )))
            }
            _ => Ok(()),
        }
    }

    async fn store(&self, drafts: Vec<Draft>) -> sidekiq::Result<Vec<Option<String>>> {
        let unique_keys: Vec<_> = drafts
            .iter()
            .map(|draft| draft.unique_keys(&self.unique))
            .collect::<sidekiq::Result<_>>()?;
        let jobs = self.sealed(drafts)?;
        self.refuse_guessable(&jobs)?;
        let mut connection = self.redis.get().await?;

        let mut claimed = Vec::new();
        let mut new = Vec::with_capacity(jobs.len());
        for (job, keys) in jobs.into_iter().zip(unique_keys) {
            let wait = job.unique_for.unwrap_or_default();
            let of_others = claimed.len();
            let mut is_new = true;
            for key in keys {
                is_new = claim(&mut connection, &key, wait).await?;
                if !is_new {
                    break;
                }
                claimed.push(key);
            }
            if !is_new {
                // Held under the other key only: what was claimed for this job is given back.
                for key in claimed.drain(of_others..) {
                    connection.del(key).await?;
                }
            }
            new.push(is_new.then_some(job));
        }

        let pushed = push(&mut connection, new.iter().flatten()).await;
        if let Err(error) = pushed {
            // Else a job that was never stored would keep others out.
            for key in claimed {
                connection.del(key).await?;
            }
            return Err(error);
        }
        Ok(new.into_iter().map(|job| Some(job?.jid)).collect())
    }
}

impl Draft {
    fn new(opts: &EnqueueOpts, class: String, args: &impl Serialize) -> sidekiq::Result<Self> {
        Ok(Self {
            // The args themselves would lose digits of large numbers here.
            job: opts.create_job(class, ())?,
            json: Zeroizing::new(serde_json::to_vec(args)?),
        })
    }

    fn of(mut job: Job) -> sidekiq::Result<Self> {
        let args = stored_args::as_handed_over(job.args.take());
        let json = Zeroizing::new(serde_json::to_vec(&args)?);
        Ok(Self { job, json })
    }

    /// Returns the keys under which others are kept out that are equal: that of rusty-sidekiq, or those of keyed hashes. They
    /// are made of readable args, since sealed ones never are equal.
    fn unique_keys(&self, unique: &Unique) -> sidekiq::Result<Vec<String>> {
        if self.job.unique_for.is_none() {
            return Ok(Vec::new());
        }
        let args = stored_args::in_array(serde_json::from_slice(&self.json)?);
        let args = Zeroizing::new(serde_json::to_vec(&args)?);
        let Job { queue, class, .. } = &self.job;
        let hashes = match unique {
            Unique::ByKeys(keys) => keys.hashes(class, &args).map_err(seal_failed)?,
            Unique::ByPlainHash | Unique::Unsaid => vec![hex(&Sha256::digest(&*args))],
        };
        let key = |hash: String| format!("sidekiq:unique:{queue}:{class}:{hash}");
        Ok(hashes.into_iter().map(key).collect())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

async fn claim(
    connection: &mut RedisConnection,
    key: &str,
    wait: Duration,
) -> sidekiq::Result<bool> {
    let seconds = usize::try_from(wait.as_secs()).unwrap_or(usize::MAX);
    // Redis knows no lease of no time.
    let claimed = connection.set_nx_ex(key.to_owned(), "", seconds.max(1));
    Ok(!matches!(claimed.await?, redis_rs::Value::Nil))
}

async fn push(
    connection: &mut RedisConnection,
    jobs: impl Iterator<Item = &Job>,
) -> sidekiq::Result<()> {
    let mut transaction = redis_rs::pipe();
    transaction.atomic();
    for job in jobs {
        let mut job = job.clone();
        // Milliseconds, as rusty-sidekiq has them.
        job.enqueued_at = Some((since_1970().as_secs_f64() * 1000.0).trunc());
        let mut queues = connection.cmd_with_key("SADD", QUEUES.to_owned());
        queues.arg(&job.queue);
        let mut queue = connection.cmd_with_key("LPUSH", of_queue(&job.queue));
        queue.arg(serde_json::to_string(&job)?);
        transaction.add_command(queues).ignore();
        transaction.add_command(queue).ignore();
    }
    if transaction.is_empty() {
        return Ok(());
    }
    let connection = connection.unnamespaced_borrow_mut();
    transaction.exec_async(connection).await?;
    Ok(())
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

pub(crate) fn seal_failed(error: Error) -> sidekiq::Error {
    sidekiq::Error::Any(error.into())
}

impl fmt::Debug for EncryptClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncryptClient")
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}
