//! Events stand in the span of the job that they are about, so an exporter for OpenTelemetry ties them to it.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use jobcrypt::{EncryptHook, JobContext, KeyId};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_core::span::Current;
use workbench::{Bench, ChargeCard, Database, build, hook};

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Keeps jobcrypt's events, each with the span that it stands in.
#[derive(Clone, Default)]
struct Spans(Arc<State>);

#[derive(Default)]
struct State {
    last: AtomicU64,
    spans: Mutex<HashMap<u64, &'static Metadata<'static>>>,
    events: Mutex<Vec<(String, Option<&'static str>)>>,
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let id = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut spans = self.0.spans.lock().expect("nothing panics with it");
        spans.insert(id, span.metadata());
        span::Id::from_u64(id)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() != "jobcrypt" {
            return;
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        let name = self.entered().map(|(_, metadata)| metadata.name());
        let mut events = self.0.events.lock().expect("nothing panics with it");
        events.push((text.0, name));
    }

    /// River asks for it where it starts a task.
    fn current_span(&self) -> Current {
        self.entered().map_or_else(Current::none, |(id, metadata)| {
            Current::new(span::Id::from_u64(id), metadata)
        })
    }

    fn enter(&self, id: &span::Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, _: &span::Id) {
        ENTERED.with_borrow_mut(|entered| {
            entered.pop();
        });
    }
}

impl Spans {
    fn entered(&self) -> Option<(u64, &'static Metadata<'static>)> {
        let id = ENTERED.with_borrow(|entered| entered.last().copied())?;
        let spans = self.0.spans.lock().expect("nothing panics with it");
        Some((id, spans.get(&id)?))
    }

    /// The spans in which events of this name stand that name this key.
    fn of(&self, name: &str, key: KeyId) -> Vec<Option<&'static str>> {
        let events = self.0.events.lock().expect("nothing panics with it");
        let key = key.to_string();
        let events = events
            .iter()
            .filter(|(text, _)| text.contains(name) && text.contains(&key));
        events.map(|(_, span)| *span).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_a_job_is_told_in_its_span() {
    let spans = Spans::default();
    tracing::subscriber::set_global_default(spans.clone()).expect("it is the only subscriber");
    let database = Database::sqlite().await;
    let hook = hook();
    let mut bench = Bench::start(&database, &hook);
    let inserted = bench.client.insert(ChargeCard::new("{}")).await;
    let id = inserted.expect("it is inserted").job.id();
    bench.event_of(id).await;
    let elsewhere = build(EncryptHook::builder(hook.keys().clone()).namespace("other"));
    let stored = elsewhere.seal_bytes(&JobContext::new("charge_card"), b"{}");
    let stored = stored.expect("it seals").expect("the kind is sealed");
    let stored = String::from_utf8(stored).expect("an envelope is JSON");
    let id = database.plant("charge_card", &stored).await;
    bench.event_of(id).await;
    bench.stop().await;

    let key = hook.keys().snapshot().primary().key_id();
    // The insertion opens what it hands back, in no span of River's.
    let opened = spans.of("job.opened", key);
    assert_eq!(opened, [None, Some("river_job")]);
    assert_eq!(spans.of("job.parked", key), [Some("river_job")]);
}
