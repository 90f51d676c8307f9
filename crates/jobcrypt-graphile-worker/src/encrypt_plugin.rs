use std::{collections::HashSet, fmt, future, sync::Arc, time::Duration};

use graphile_worker::{
    BatchTaskHandler, BeforeJobRun, BeforeJobRunContext, BeforeJobSchedule,
    BeforeJobScheduleContext, Crontab, HookRegistry, HookResult, JobDefinition, JobScheduleResult,
    Plugin, TaskHandler, WorkerContext, WorkerContextExt, WorkerOptions, WorkerUtils,
};
use jobcrypt_core::{EncryptHook, Error, ErrorKind, JobContext};
use serde_json::Value;

use crate::{opened_batch::OpenedBatch, opened_job::OpenedJob, opening::Opening};

/// Encrypted jobs for a worker, and for whoever enqueues.
///
/// It seals what is enqueued through graphile_worker's hooks, and opens jobs for the handlers that are
/// defined here instead of on the worker.
///
/// ```
/// use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext, WorkerOptions};
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
/// use jobcrypt_graphile_worker::EncryptPlugin;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct ChargeCard {
///     pan: String,
/// }
///
/// impl TaskHandler for ChargeCard {
///     const IDENTIFIER: &'static str = "charge_card";
///
///     async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {}
/// }
///
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring).namespace("prod").build()?;
/// let options = EncryptPlugin::new(hook).job::<ChargeCard>().install(WorkerOptions::default());
/// # let _ = options;
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a plugin does nothing until it is installed"]
pub struct EncryptPlugin {
    pub(crate) opening: Opening,
    jobs: Vec<JobDefinition>,
    batch_kinds: HashSet<String>,
}

impl EncryptPlugin {
    /// Seals and opens with `hook`.
    pub fn new(hook: EncryptHook) -> Self {
        Self {
            opening: Opening::new(hook),
            jobs: Vec::new(),
            batch_kinds: HashSet::new(),
        }
    }

    /// Defines the handler of a kind, as `WorkerOptions::define_job` does; it gets opened args.
    pub fn job<T: TaskHandler>(mut self) -> Self {
        self.jobs.push(OpenedJob::<T>::definition());
        self
    }

    /// Defines the handler of a kind of batch jobs, as `WorkerOptions::define_batch_job` does. Batch jobs
    /// of this kind are sealed item by item.
    pub fn batch_job<T: BatchTaskHandler>(mut self) -> Self {
        self.jobs.push(OpenedBatch::<T>::definition());
        self.batch_kind(T::IDENTIFIER)
    }

    /// Has jobs of this kind sealed item by item: for a process that enqueues batch jobs and does not
    /// work them.
    pub fn batch_kind(mut self, kind: impl Into<String>) -> Self {
        self.batch_kinds.insert(kind.into());
        self
    }

    /// Sets how long a job whose key is unknown waits for it before it is parked: 7 days unless set.
    pub fn park_after(mut self, wait: Duration) -> Self {
        self.opening.park_after = wait;
        self
    }

    /// Leaves the errors and panics of handlers as they are, but for serde's, which quote args. graphile_worker stores them in
    /// plaintext. Otherwise those of sealed kinds become a safe text with their words sealed in it, which
    /// [`SealedWords::open`](crate::SealedWords::open) reads.
    pub fn readable_errors(mut self) -> Self {
        self.opening.has_readable_errors = true;
        self
    }

    /// Returns the hooks for a `WorkerUtils` that only enqueues:
    /// `WorkerUtils::new(pool, "graphile_worker").with_hooks(plugin.hooks())`.
    #[must_use]
    pub fn hooks(&self) -> Arc<HookRegistry> {
        Arc::new(HookRegistry::new().with_plugin(self.clone()))
    }

    /// Returns what a handler enqueues further jobs with, so that they are sealed:
    /// `EncryptPlugin::utils(&context)?.add_job(..)`. graphile_worker's own `context.add_job(..)` runs no
    /// hooks and stores plaintext.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] where the plugin is not installed on this worker.
    pub fn utils(context: &WorkerContext) -> Result<WorkerUtils, Error> {
        let hooks = Self::of(context)?.hooks();
        Ok(context.utils().with_hooks(hooks))
    }

    pub(crate) fn of(context: &WorkerContext) -> Result<&Self, Error> {
        context.get_ext().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidConfiguration,
                "the encrypt plugin is not installed on this worker",
            )
        })
    }

    /// Installs the plugin and the handlers that were defined here on a worker.
    #[must_use]
    pub fn install(self, options: WorkerOptions) -> WorkerOptions {
        options
            .add_extension(self.clone())
            .define_jobs(self.jobs.clone())
            .add_plugin(self)
    }

    /// Seals the payload of a cron job, which no hook of graphile_worker sees. Returns the crontab to be
    /// handed to `WorkerOptions::with_cron`. A crontab without a payload stays without one.
    ///
    /// The token is made once and stored at each tick: after a rotation of keys, start the workers anew.
    ///
    /// # Errors
    ///
    /// Those of [`EncryptHook::seal`].
    pub fn crontab(&self, mut crontab: Crontab) -> Result<Crontab, Error> {
        if let Some(payload) = &mut crontab.payload {
            self.seal(&crontab.task_identifier, payload)?;
        }
        Ok(crontab)
    }

    fn seal(&self, kind: &str, payload: &mut Value) -> Result<(), Error> {
        let context = JobContext::new(kind);
        let hook = &self.opening.hook;
        match payload {
            Value::Array(items) if self.batch_kinds.contains(kind) => {
                hook.seal_batch(items.iter_mut().map(|item| (context, item)))?;
            }
            args => {
                hook.seal(&context, args)?;
            }
        }
        Ok(())
    }

    fn before_schedule(&self, context: BeforeJobScheduleContext) -> JobScheduleResult {
        let mut payload = context.payload;
        match self.seal(&context.identifier, &mut payload) {
            Ok(()) => JobScheduleResult::Continue(payload),
            Err(error) => JobScheduleResult::Fail(error.to_string()),
        }
    }

    /// Keeps ciphertext from a handler that was defined on the worker itself.
    fn before_run(&self, context: &BeforeJobRunContext) -> HookResult {
        let kind = context.job.task_identifier();
        let is_opened = self.jobs.iter().any(|job| job.identifier() == kind);
        if is_opened || !self.opening.is_sealed(kind, &context.payload) {
            return HookResult::Continue;
        }
        HookResult::Fail(format!(
            "jobcrypt: jobs of {kind} are sealed; define its handler on the encrypt plugin"
        ))
    }
}

impl Plugin for EncryptPlugin {
    fn register(self, hooks: &mut HookRegistry) {
        let seals = Arc::new(self);
        let guards = Arc::clone(&seals);
        hooks.on(BeforeJobSchedule, move |context| {
            future::ready(seals.before_schedule(context))
        });
        hooks.on(BeforeJobRun, move |context| {
            future::ready(guards.before_run(&context))
        });
    }
}

impl fmt::Debug for EncryptPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.jobs.iter().map(JobDefinition::identifier).collect();
        f.debug_struct("EncryptPlugin")
            .field("kinds", &kinds)
            .field("batch_kinds", &self.batch_kinds)
            .finish_non_exhaustive()
    }
}
