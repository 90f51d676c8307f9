use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Keeps the name and the labels of whatever is counted, as text.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<BTreeSet<String>>>);

impl Counts {
    pub(crate) fn text(&self) -> String {
        let counts = self.0.lock().expect("nothing panics with it");
        let counts: Vec<_> = counts.iter().map(String::as_str).collect();
        counts.join("\n")
    }

    fn add(&self, key: &Key) {
        let labels = key
            .labels()
            .map(|it| format!(" {}={}", it.key(), it.value()));
        let text = key.name().to_owned() + &labels.collect::<String>();
        self.0.lock().expect("nothing panics with it").insert(text);
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.add(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.add(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.add(key);
        Histogram::noop()
    }
}
