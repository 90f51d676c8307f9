//! What stands between a stored payload and its handler.

use std::time::Duration;

use graphile_worker::WorkerContext;
use jobcrypt_core::{EncryptHook, Error, JobContext};
use jobcrypt_tower::{PATIENCE, Verdict, WorkerWords, guarded};
use serde_json::Value;

use crate::EncryptPlugin;

/// What graphile_worker writes into a payload after it was sealed: its telemetry, and its cron runner.
const TRACE: &str = "_trace";
const CRON: &str = "_cron";

/// What a handler needs to open its jobs; it reaches the handler with the plugin, an extension of the worker.
#[derive(Clone)]
pub(crate) struct Opening {
    pub(crate) hook: EncryptHook,
    pub(crate) park_after: Duration,
    pub(crate) has_readable_errors: bool,
}

/// A payload as its handler gets it.
pub(crate) struct Opened {
    pub(crate) args: Value,
    pub(crate) was_sealed: bool,
}

impl Opening {
    pub(crate) fn new(hook: EncryptHook) -> Self {
        Self {
            hook,
            park_after: Verdict::PARK_AFTER,
            has_readable_errors: false,
        }
    }

    /// What the plugin brought to this worker.
    pub(crate) fn of(context: &WorkerContext) -> Result<&Self, Error> {
        EncryptPlugin::of(context).map(|plugin| &plugin.opening)
    }

    /// Opens one payload. What graphile_worker put beside the token is no part of the args: the trace is
    /// dropped, and the time of a cron job handed on, as in a job that was never sealed.
    pub(crate) async fn open(&self, kind: &str, stored: &Value) -> Result<Opened, Error> {
        let context = JobContext::new(kind);
        let mut args = stored.clone();
        let cron = self.take_siblings(&context, &mut args);
        let opening = self.hook.open_or_reload(&context, &mut args);
        let was_sealed = guarded(opening, tokio::time::sleep(PATIENCE)).await?;
        if let (Some(cron), Some(args)) = (cron, args.as_object_mut()) {
            args.entry(CRON).or_insert(cron);
        }
        Ok(Opened { args, was_sealed })
    }

    /// What may be stored of what a handler says of a job of this kind.
    pub(crate) fn words<'a>(&'a self, kind: &'a str, was_sealed: bool) -> WorkerWords<'a> {
        WorkerWords::of(&self.hook, kind, was_sealed).readable(self.has_readable_errors)
    }

    pub(crate) fn is_sealed(&self, kind: &str, stored: &Value) -> bool {
        let is_sealed = |stored: &Value| {
            self.hook
                .is_sealed(&JobContext::new(kind), stored.to_string().as_bytes())
        };
        match stored {
            Value::Array(items) => items.iter().any(is_sealed),
            stored => is_sealed(stored),
        }
    }

    fn take_siblings(&self, context: &JobContext<'_>, args: &mut Value) -> Option<Value> {
        let has_sibling = |args: &Value| {
            args.is_object() && (args.get(TRACE).is_some() || args.get(CRON).is_some())
        };
        if !has_sibling(args) || !self.hook.is_sealed(context, args.to_string().as_bytes()) {
            return None;
        }
        let args = args.as_object_mut()?;
        args.remove(TRACE);
        args.remove(CRON)
    }
}
