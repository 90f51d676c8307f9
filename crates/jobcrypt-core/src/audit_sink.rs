use std::{fmt, io, sync::Arc};

use crate::AuditEvent;

/// Where [`AuditEvent`]s go, beside `tracing`, which gets them all.
///
/// The crate `jobcrypt-audit` has sinks for files and for metrics. One of your own:
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use jobcrypt_core::{AuditEvent, AuditSink};
///
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl AuditSink for Failures {
///     fn record(&self, event: &AuditEvent<'_>) {
///         if matches!(event, AuditEvent::OpenFailed { .. }) {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait AuditSink: Send + Sync + 'static {
    /// Takes note of an event.
    ///
    /// It is called on the way of each job, so it must not wait for long. What becomes of an event that it cannot
    /// keep is its own policy to state: a job is never held up for its record.
    fn record(&self, event: &AuditEvent<'_>);

    /// Keeps events before what they tell of happens, such as the showing of a job's args.
    ///
    /// Unless a sink says otherwise, this is [`record`](Self::record) for each, which may lose it.
    ///
    /// # Errors
    ///
    /// When they are not kept: then it must not happen.
    fn record_first(&self, events: &[AuditEvent<'_>]) -> io::Result<()> {
        for event in events {
            self.record(event);
        }
        Ok(())
    }
}

impl<S: AuditSink + ?Sized> AuditSink for Arc<S> {
    fn record(&self, event: &AuditEvent<'_>) {
        (**self).record(event);
    }

    fn record_first(&self, events: &[AuditEvent<'_>]) -> io::Result<()> {
        (**self).record_first(events)
    }
}

/// The sinks of a hook, in the order in which they were named.
#[derive(Clone, Default)]
pub(crate) struct AuditSinks(pub(crate) Vec<Arc<dyn AuditSink>>);

impl AuditSinks {
    pub(crate) fn record(&self, event: &AuditEvent<'_>) {
        event.trace();
        for sink in &self.0 {
            sink.record(event);
        }
    }
}

impl fmt::Debug for AuditSinks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} sinks", self.0.len())
    }
}
