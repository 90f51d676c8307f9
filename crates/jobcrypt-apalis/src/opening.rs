//! What stands between a stored job and whoever works it.

use std::{sync::Arc, time::Duration};

use apalis_core::{task::Task, timer};
use jobcrypt_core::{AuditEvent, EncryptHook, Error, ErrorKind, JobContext, Purpose, UniqueKeys};
use jobcrypt_tower::{PATIENCE, Verdict, Waiting, WorkerWords, guarded};
use serde_json::Value;
use tracing::warn;
use zeroize::Zeroizing;

use crate::refusal::{Ended, Fate, REASON, Refuse, Refused, WAITING, now};

/// Shared by a backend, its clones and what runs its jobs.
#[derive(Clone)]
pub(crate) struct Opening(Arc<Settings>);

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) hook: EncryptHook,
    pub(crate) kind: Box<str>,
    pub(crate) park_after: Duration,
    pub(crate) refuse: Refuse,
    pub(crate) has_readable_errors: bool,
    pub(crate) unique: Option<Arc<UniqueKeys>>,
}

/// Travels with a job that was opened, in its data, which no store keeps.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) opening: Opening,
    pub(crate) was_sealed: bool,
}

impl Opened {
    /// What may be stored of what is said of the job.
    pub(crate) fn words(&self) -> WorkerWords<'_> {
        let settings = self.opening.settings();
        WorkerWords::of(&settings.hook, &settings.kind, self.was_sealed)
            .readable(settings.has_readable_errors)
    }
}

impl Opening {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0
    }

    pub(crate) fn kind(&self) -> &str {
        &self.0.kind
    }

    fn context(&self) -> JobContext<'_> {
        JobContext::new(&self.0.kind)
    }

    /// Returns what is to be stored of args, `json`.
    pub(crate) fn seal(&self, mut json: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, Error> {
        let sealed = self.0.hook.seal_bytes(&self.context(), &json)?;
        Ok(sealed.unwrap_or_else(|| std::mem::take(&mut *json)))
    }

    /// Returns what is to be stored of the args of many jobs, or nothing where one cannot be sealed.
    pub(crate) fn seal_all(
        &self,
        mut jobs: Vec<Zeroizing<Vec<u8>>>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let context = self.context();
        let sealed = self
            .0
            .hook
            .sealed_batch(jobs.iter().map(|json| (context, &**json)))?;
        Ok(sealed
            .into_iter()
            .zip(&mut jobs)
            .map(|(sealed, json)| sealed.unwrap_or_else(|| std::mem::take(&mut **json)))
            .collect())
    }

    /// Puts a keyed hash in the place of the key by which a job is unique, where the app has given keys.
    pub(crate) fn hide_unique_key<A>(&self, task: Task<A>) -> Result<Task<A>, Error> {
        let (Some(keys), Some(key)) = (&self.0.unique, task.idempotency_key()) else {
            return Ok(task);
        };
        // A job that was fetched and is stored again has one already.
        if UniqueKeys::is_hash(key) {
            return Ok(task);
        }
        let hash = keys.hash(&self.0.kind, key.as_bytes())?;
        Ok(task.into_builder().idempotency_key(hash).build())
    }

    /// Opens a job for the worker of this name, or gives it back to the store.
    pub(crate) async fn open(self, mut task: Task<Vec<u8>>, worker: String) -> Ended {
        let context = self.context();
        let opening = self.0.hook.open_or_reload(&context, &mut task.args);
        // Made only where it is waited for.
        let patience = async { timer::sleep(PATIENCE).await };
        match guarded(opening, patience).await {
            Ok(was_sealed) => {
                let opening = self;
                task.inject_data(Opened {
                    opening,
                    was_sealed,
                });
                Some(task)
            }
            Err(error) => {
                self.refuse(&task, worker, &error).await;
                None
            }
        }
    }

    /// Puts a job off, or aside.
    pub(crate) async fn refuse<A>(&self, task: &Task<A>, worker: String, error: &Error) {
        let earlier = task.metadata().get(WAITING);
        let earlier: Option<Waiting> =
            earlier.and_then(|waiting| serde_json::from_str(waiting).ok());
        let now = now();
        let reason = error.to_string();
        let id = id_of(task);
        let kind = self.kind();
        let fate = match Verdict::on(error, earlier.as_ref(), now, self.0.park_after) {
            Verdict::Park => {
                let job = &*id;
                self.0
                    .hook
                    .audit(&AuditEvent::JobParked { kind, job, error });
                Fate::Parks { reason }
            }
            Verdict::Wait { waiting, delay } => {
                warn!(target: "jobcrypt", job = id, kind, %error, ?delay, "job.waiting");
                Fate::Waits {
                    due: now + delay.as_secs(),
                    reason,
                    waiting: serde_json::to_string(&waiting).unwrap_or_default(),
                }
            }
        };
        self.0.refuse.write(Refused { id, worker, fate }).await;
    }

    /// Whether it was refused before it could be opened.
    pub(crate) fn was_refused<A>(task: &Task<A>) -> bool {
        let metadata = task.metadata();
        metadata.contains_key(WAITING) || metadata.contains_key(REASON)
    }

    /// Has a later wait not count from an earlier one.
    pub(crate) async fn forget(self, id: String, worker: String) {
        let fate = Fate::Opened;
        self.0.refuse.write(Refused { id, worker, fate }).await;
    }

    /// Gives a job back that its worker has no time for.
    pub(crate) async fn give_back(self, id: String, worker: String) {
        let fate = Fate::Returns;
        self.0.refuse.write(Refused { id, worker, fate }).await;
    }

    /// Returns what is to be stored of a result.
    pub(crate) fn seal_result(&self, result: &impl serde::Serialize) -> Result<Value, Error> {
        let unfit = |_| Error::new(ErrorKind::Malformed, "the result is no JSON");
        let json = Zeroizing::new(serde_json::to_vec(result).map_err(unfit)?);
        let context = self.context().with_purpose(Purpose::OUTPUT);
        let sealed = self.0.hook.seal_bytes(&context, &json)?;
        let stored = sealed.as_deref().unwrap_or(&json);
        serde_json::from_slice(stored).map_err(unfit)
    }

    /// Returns the JSON of a stored result.
    pub(crate) fn open_result(&self, stored: &Value) -> Result<Zeroizing<Vec<u8>>, Error> {
        let unfit = |_| Error::new(ErrorKind::Malformed, "the result is no JSON");
        let json = Zeroizing::new(serde_json::to_vec(stored).map_err(unfit)?);
        // The result of a job that returns nothing is not sealed.
        if stored.is_null() {
            return Ok(json);
        }
        let context = self.context().with_purpose(Purpose::OUTPUT);
        let opened = self.0.hook.open_bytes(&context, &json)?;
        Ok(opened.map_or(json, Zeroizing::new))
    }
}

/// Every store's jobs have one.
pub(crate) fn id_of<A>(task: &Task<A>) -> String {
    task.task_id().map(ToString::to_string).unwrap_or_default()
}
