use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jobcrypt_core::AuditSink;
use tokio::sync::Notify;

/// How [`Store::migrate`](crate::Store::migrate) goes about it.
///
/// ```
/// use jobcrypt_store::{MigrateOptions, Stop};
///
/// let stop = Stop::default();
/// let gently = MigrateOptions::new().rate(1000.0).stop(stop.clone());
/// // Elsewhere, on Ctrl-C:
/// stop.now();
/// # let _ = gently;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MigrateOptions {
    pub(crate) page: u32,
    pub(crate) rate: Option<f64>,
    pub(crate) is_dry_run: bool,
    pub(crate) stop: Stop,
    pub(crate) kind: Option<String>,
    pub(crate) kind_was: Vec<String>,
    pub(crate) values: Vec<String>,
    pub(crate) to_plaintext: bool,
    pub(crate) seal: Option<SealDecision>,
}

/// Ends a migration between two pages. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    is_asked: AtomicBool,
    wakes: Notify,
}

/// The decision to trust what is stored without a token.
#[derive(Clone, Debug)]
pub(crate) struct SealDecision {
    pub(crate) up_to_id: String,
    pub(crate) audit: Audit,
}

#[derive(Clone)]
pub(crate) struct Audit(pub(crate) Arc<dyn AuditSink>);

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Audit")
    }
}

const ROWS_PER_PAGE: u32 = 500;

impl MigrateOptions {
    /// Moves all jobs that are under another key, as fast as the database allows.
    pub fn new() -> Self {
        Self {
            page: ROWS_PER_PAGE,
            rate: None,
            is_dry_run: false,
            stop: Stop::default(),
            kind: None,
            kind_was: Vec::new(),
            values: Vec::new(),
            to_plaintext: false,
            seal: None,
        }
    }

    /// Reads and writes so many rows at a time, 500 unless set; fewer where rows are long.
    pub fn page(mut self, rows: u32) -> Self {
        self.page = rows;
        self
    }

    /// Looks at no more than so many rows a second.
    pub fn rate(mut self, rows_per_second: f64) -> Self {
        self.rate = Some(rows_per_second);
        self
    }

    /// Opens and seals, and writes nothing.
    pub fn dry_run(mut self) -> Self {
        self.is_dry_run = true;
        self
    }

    /// Ends at the next page once `stop` is called.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Moves jobs of this kind only.
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Says that jobs of the [`kind`](Self::kind) were sealed when it had this name, and moves them to the
    /// new one. Without it they open no more, since the kind is bound into tokens.
    pub fn kind_was(mut self, old: impl Into<String>) -> Self {
        self.kind_was.push(old.into());
        self
    }

    /// Names single values that an app [sealed](jobcrypt_core::Sealed) itself, to move them too, wherever in a job they
    /// are: their names do not stand in the table. Every job with a token is opened to look for them.
    pub fn value(mut self, name: impl Into<String>) -> Self {
        self.values.push(name.into());
        self
    }

    /// Stores jobs as plaintext: the way out of encryption.
    pub fn to_plaintext(mut self) -> Self {
        self.to_plaintext = true;
        self
    }

    /// Also seals what names no key, plaintext and legacy forms, up to this id. Nothing vouches for such
    /// jobs; sealed, a planted one is a trusted one. So the id is to be one from before anybody could have
    /// planted jobs, and `audit` is told of each of them first; where it fails, the migration ends.
    pub fn seal_plaintext(mut self, up_to_id: impl Into<String>, audit: impl AuditSink) -> Self {
        self.seal = Some(SealDecision {
            up_to_id: up_to_id.into(),
            audit: Audit(Arc::new(audit)),
        });
        self
    }
}

impl Default for MigrateOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Asks for the end.
    pub fn now(&self) {
        self.0.is_asked.store(true, Ordering::Relaxed);
        // Kept for the next who waits, where nobody does now.
        self.0.wakes.notify_one();
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.0.is_asked.load(Ordering::Relaxed)
    }

    /// Waits for so long, or until it is asked for.
    pub(crate) async fn wait_at_most(&self, time: Duration) {
        let woken = self.0.wakes.notified();
        if !self.is_asked_for() {
            // Either end of it is a reason to go on.
            let _ = tokio::time::timeout(time, woken).await;
        }
    }
}
