//! Sinks of audit events: one that keeps them, and one that cannot.

use std::{
    io,
    sync::{Arc, Mutex},
};

use jobcrypt::{AuditEvent, AuditSink, AuditValue};

/// Keeps each event as its name and the values of its fields.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("nothing panics with it"))
    }
}

impl AuditSink for Lines {
    fn record(&self, event: &AuditEvent<'_>) {
        let values = event.fields().map(|(_, value)| match value {
            AuditValue::Count(count) => format!(" {count}"),
            AuditValue::KeyId(id) => format!(" {id}"),
            AuditValue::Text(text) => format!(" {text}"),
        });
        let line = event.name().to_owned() + &values.collect::<String>();
        self.0.lock().expect("nothing panics with it").push(line);
    }
}

pub(crate) struct FullDisk;

impl AuditSink for FullDisk {
    fn record(&self, _: &AuditEvent<'_>) {}

    fn record_first(&self, _: &[AuditEvent<'_>]) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}
