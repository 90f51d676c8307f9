use std::{
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Keeps every field of every span and event.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<String>>);

impl Log {
    fn add(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut dyn Visit)) {
        struct Fields(String);

        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                let _ = write!(self.0, " {field}={value:?}");
            }
        }

        let mut fields = Fields(format!("{} {}", metadata.level(), metadata.target()));
        record(&mut fields);
        let mut log = self.0.lock().expect("no writer panics with the lock");
        log.push_str(&fields.0);
        log.push('\n');
    }

    pub(crate) fn text(&self) -> String {
        self.0
            .lock()
            .expect("no writer panics with the lock")
            .clone()
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.add(span.metadata(), |fields| span.record(fields));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut log = String::new();
        let _ = write!(log, "{values:?}");
        self.0
            .lock()
            .expect("no writer panics with the lock")
            .push_str(&log);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(event.metadata(), |fields| event.record(fields));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
