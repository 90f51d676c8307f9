use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use jobcrypt_core::{AuditEvent, EncryptHook, Error, ErrorKind, JobContext};
use jobcrypt_tower::{PATIENCE, Verdict, WorkerWords, guarded};
use serde_json::Value;
use sidekiq::{ChainIter, Job, RedisPool, ServerMiddleware, WorkerRef};
use tracing::warn;
use zeroize::Zeroizing;

use crate::{
    Cause, JobNote,
    job_note::now,
    opened,
    redis_keys::{DEAD, PARKED, SCHEDULE},
    sealed_error, stored_args,
};

/// Opens jobs before they are worked: `processor.using(EncryptMiddleware::new(hook)).await`.
///
/// Install it once, on every processor that works jobs of the sealed kinds. Middlewares that are
/// installed before it see sealed args, those after it readable ones.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
/// use jobcrypt_sidekiq::EncryptMiddleware;
///
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring).namespace("prod").build()?;
/// let middleware = EncryptMiddleware::new(hook);
/// # let _ = middleware;
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a middleware does nothing until it is installed"]
pub struct EncryptMiddleware {
    hook: EncryptHook,
    park_after: Duration,
    park_in: &'static str,
    has_readable_errors: bool,
}

impl EncryptMiddleware {
    /// Opens with `hook`.
    pub fn new(hook: EncryptHook) -> Self {
        Self {
            hook,
            park_after: Verdict::PARK_AFTER,
            park_in: PARKED,
            has_readable_errors: false,
        }
    }

    /// Sets how long a job whose key is unknown waits for it before it is parked: 7 days unless set.
    pub fn park_after(mut self, wait: Duration) -> Self {
        self.park_after = wait;
        self
    }

    /// Moves a job that must not be worked to Sidekiq's dead set instead of parking it.
    ///
    /// Its dashboard shows that set and puts jobs back. But Ruby's Sidekiq deletes from it what is older
    /// than 6 months, and all but 10,000, unless configured otherwise, so a job that was refused for a
    /// mistake in the configuration may be lost.
    pub fn dead_refused(mut self) -> Self {
        self.park_in = DEAD;
        self
    }

    /// Leaves the errors and panics of workers as they are, but for serde's, which quote args. rusty-sidekiq stores errors with the
    /// job, in plaintext, and logs them and panics. Otherwise those of sealed kinds become a safe text with their words sealed
    /// in it, which [`SealedWords::open`](crate::SealedWords::open) reads.
    pub fn readable_errors(mut self) -> Self {
        self.has_readable_errors = true;
        self
    }

    /// Returns the JSON of the args, if they were sealed.
    async fn open(&self, job: &Job) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let context = JobContext::new(&job.class);
        let mut json = Zeroizing::new(stored_args::to_open(&self.hook, &context, &job.args)?);
        let opening = self.hook.open_or_reload(&context, &mut *json);
        let was_sealed = guarded(opening, tokio::time::sleep(PATIENCE)).await?;
        Ok(was_sealed.then_some(json))
    }

    /// Stores a job that cannot be opened for later, or parks it. Its args stay as they are stored.
    async fn refuse(&self, job: &Job, cause: Error, redis: &RedisPool) -> sidekiq::Result<()> {
        let now = now();
        let earlier = JobNote::of(job).and_then(JobNote::waiting);
        let mut job = job.clone();
        let (set, at) = match Verdict::on(&cause, earlier.as_ref(), now, self.park_after) {
            Verdict::Wait { waiting, delay } => {
                let source = cause.source();
                warn!(target: "jobcrypt", job = job.jid, error = %cause, source, ?delay, "job.waiting");
                JobNote::of_waiting(&waiting, Cause::from(&cause)).write(&mut job);
                (SCHEDULE, now + delay.as_secs())
            }
            Verdict::Park => {
                self.hook.audit(&AuditEvent::JobParked {
                    kind: &job.class,
                    job: &job.jid,
                    error: &cause,
                });
                let cause = Cause::from(&cause);
                JobNote::Parked { cause, at: now }.write(&mut job);
                (self.park_in, now)
            }
        };
        let stored = serde_json::to_string(&job)?;
        redis.get().await?.zadd(set.to_owned(), stored, at).await?;
        Ok(())
    }
}

#[async_trait]
impl ServerMiddleware for EncryptMiddleware {
    async fn call(
        &self,
        chain: ChainIter,
        job: &Job,
        worker: Arc<WorkerRef>,
        redis: RedisPool,
    ) -> sidekiq::Result<()> {
        if opened::is_inside() {
            // The job is readable here, so it is the other one that stores it.
            return Err(sidekiq::Error::Any(InstalledTwice.into()));
        }
        let json = match self.open(job).await {
            Ok(json) => json,
            Err(cause) => return self.refuse(job, cause, &redis).await,
        };
        let was_sealed = json.is_some();
        let args = match json
            .as_deref()
            .map(|json| serde_json::from_slice::<Value>(json))
        {
            Some(Ok(args)) => Some(stored_args::in_array(args)),
            // What serde says would quote the args.
            Some(Err(_)) => {
                let cause = Error::new(ErrorKind::Malformed, "what was sealed is not JSON");
                return self.refuse(job, cause, &redis).await;
            }
            None => None,
        };
        let opened = Job {
            args: args.unwrap_or_else(|| job.args.clone()),
            ..job.clone()
        };
        let words = WorkerWords::of(&self.hook, &job.class, was_sealed);
        let words = words.readable(self.has_readable_errors);
        let attempt = chain.next(&opened, worker, redis.clone());
        match words.run(opened::enter(json, attempt)).await {
            Err(sidekiq::Error::Any(error)) if error.is::<InstalledTwice>() => {
                let cause = Error::new(
                    ErrorKind::InvalidConfiguration,
                    "two encrypt middlewares are installed on this processor; install one",
                );
                self.refuse(job, cause, &redis).await
            }
            result => result.map_err(|error| sealed_error::seal(words, error)),
        }
    }
}

/// What a second middleware says to the first.
#[derive(Debug)]
struct InstalledTwice;

impl fmt::Display for InstalledTwice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("another encrypt middleware has opened the job")
    }
}

impl StdError for InstalledTwice {}
