//! Clients, workers that report what they see, and events to wait for.

use std::{convert::Infallible, time::Duration};

use jobcrypt::{
    EncryptHook, EncryptHookBuilder, Encryptor, Keyring, Policy, SecretKey,
    ciphers::XChaCha20Poly1305, river::EncryptPlugin,
};
use riverqueue::{
    Client, ClientBuilder, Event, EventKind, EventReceiver, Job, JobEvent, QueueConfig, RunHandle,
    WorkContext, WorkOutcome, Workers,
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{ChargeCard, Database, RebuildIndex, SendInvoice, SyncMailbox};

/// Far longer than anything here takes; a test that meets it has failed.
const LIMIT: Duration = Duration::from_mins(1);

pub fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

pub fn keyring(primary: impl Encryptor) -> Keyring {
    Keyring::new(primary).build().expect("a new key is sound")
}

/// Seals every kind but `rebuild_index`.
pub fn builder(keys: impl Into<jobcrypt::Keys>) -> EncryptHookBuilder {
    EncryptHook::builder(keys)
        .namespace("test")
        .kind("rebuild_index", Policy::readable())
}

pub fn hook() -> EncryptHook {
    build(builder(keyring(XChaCha20Poly1305::new(key()))))
}

pub fn build(builder: EncryptHookBuilder) -> EncryptHook {
    builder.build().expect("the hook is sound")
}

/// A client that works, and what it does.
pub struct Bench {
    pub client: Client,
    seen: UnboundedReceiver<(String, String)>,
    events: EventReceiver,
    run: RunHandle,
}

impl Bench {
    /// Works all kinds of these tests with the plugin alone.
    pub fn start(database: &Database, hook: &EncryptHook) -> Self {
        Self::start_with(database, |client| {
            client.plugin(EncryptPlugin::new(hook.clone()))
        })
    }

    pub fn start_with(
        database: &Database,
        configure: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let client = configure(database.client())
            .workers(reporting_workers(&sender))
            .queue(
                "default",
                QueueConfig::new(8)
                    .with_fetch_cooldown(Duration::from_millis(10))
                    .with_fetch_poll_interval(Duration::from_millis(50)),
            )
            .build()
            .expect("the client is sound");
        let events = client
            .subscribe(&[
                EventKind::JobCancelled,
                EventKind::JobCompleted,
                EventKind::JobFailed,
                EventKind::JobSnoozed,
            ])
            .expect("events can be subscribed to");
        let run = client.start().expect("the client starts");
        Self {
            client,
            seen,
            events,
            run,
        }
    }

    /// What the next worked job saw: its kind and its args.
    pub async fn seen(&mut self) -> (String, String) {
        tokio::time::timeout(LIMIT, self.seen.recv())
            .await
            .expect("a job is worked in time")
            .expect("the workers are alive")
    }

    /// Whether a job was worked that nobody asked about.
    pub fn has_seen_more(&mut self) -> bool {
        self.seen.try_recv().is_ok()
    }

    /// The next end of an attempt of job `id`.
    pub async fn event_of(&mut self, id: i64) -> JobEvent {
        let wait = async {
            loop {
                match self.events.recv().await.expect("events keep coming") {
                    Event::Job(event) if event.job.id == id => return event,
                    _ => {}
                }
            }
        };
        tokio::time::timeout(LIMIT, wait)
            .await
            .expect("the job is tried in time")
    }

    pub async fn stop_and_cancel(mut self) {
        self.run.stop_and_cancel().await.expect("the client stops");
    }

    pub async fn stop(mut self) {
        self.run.stop().await.expect("the client stops");
    }
}

fn reporting_workers(seen: &UnboundedSender<(String, String)>) -> Workers {
    fn worker<A: riverqueue::JobArgs>(
        seen: &UnboundedSender<(String, String)>,
        json: impl Fn(&A) -> String + Send + Sync + 'static,
    ) -> impl Fn(WorkContext, Job<A>) -> std::future::Ready<Result<WorkOutcome, Infallible>>
    + Send
    + Sync
    + 'static {
        let seen = seen.clone();
        move |_, job: Job<A>| {
            // A test that has seen enough no longer listens.
            let _ = seen.send((A::KIND.to_owned(), json(&job.args)));
            std::future::ready(Ok(WorkOutcome::Complete))
        }
    }

    let mut workers = Workers::new();
    workers
        .add_fn(worker(seen, |args: &ChargeCard| args.json().to_owned()))
        .and_then(|workers| {
            workers.add_fn(worker(seen, |args: &SendInvoice| args.json().to_owned()))
        })
        .and_then(|workers| {
            workers.add_fn(worker(seen, |args: &RebuildIndex| args.json().to_owned()))
        })
        .and_then(|workers| {
            workers.add_fn(worker(seen, |args: &SyncMailbox| args.password.clone()))
        })
        .expect("each kind is added once");
    workers
}
