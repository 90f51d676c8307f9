use std::{
    convert::Infallible,
    future::{Ready, ready},
    path::Path,
    sync::Arc,
    time::Duration,
};

use jobcrypt::{
    EncryptHook, KeyId, Keys, ciphers,
    keys::{KeySource, Reload},
    river::EncryptPlugin,
};
use riverqueue::{Client, Job, QueueConfig, RunHandle, WorkContext, WorkOutcome, Workers};
use tokio::{
    sync::{RwLock, watch},
    task::JoinHandle,
};
use workbench::Database;

use crate::{flock::Flock, sheep::CountSheep};

/// One node of a deployment: it enqueues and works, and reads its keys from the repository again and
/// again, at its own time.
pub(crate) struct Node {
    pub(crate) keys: Keys,
    pub(crate) hook: EncryptHook,
    client: Client,
    _reload: Reload,
    run: RunHandle,
}

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// Jobs enqueued in one go.
const BATCH: u64 = 200;

impl Node {
    pub(crate) fn start(database: &Database, repository: &Path, flock: &Arc<Flock>) -> Self {
        let source = KeySource::directory(repository).provider(ciphers::encryptor);
        let (keys, reload) =
            Reload::start(source, Duration::from_millis(20)).expect("the repository is whole");
        let hook = EncryptHook::builder(keys.clone())
            .namespace("walk")
            .build()
            .expect("it is sound");
        let mut workers = Workers::new();
        workers
            .add_fn(counting(Arc::clone(flock)))
            .expect("there is one worker");
        let client = database
            .client()
            .plugin(EncryptPlugin::new(hook.clone()))
            .workers(workers)
            .queue(
                "default",
                QueueConfig::new(100)
                    .with_fetch_cooldown(Duration::from_millis(1))
                    .with_fetch_poll_interval(Duration::from_millis(20)),
            )
            .build()
            .expect("the client is sound");
        let run = client.start().expect("the client starts");
        Self {
            keys,
            hook,
            client,
            _reload: reload,
            run,
        }
    }

    /// Enqueues whenever `gate` is open and `allowed` are more than there are, until nothing more is allowed.
    pub(crate) fn enqueue(
        &self,
        flock: &Arc<Flock>,
        gate: &Arc<RwLock<u64>>,
        mut allowed: watch::Receiver<u64>,
    ) -> JoinHandle<()> {
        let (client, flock, gate) = (self.client.clone(), Arc::clone(flock), Arc::clone(gate));
        tokio::spawn(async move {
            loop {
                let mut next = gate.write().await;
                if *next >= *allowed.borrow_and_update() {
                    drop(next);
                    if allowed.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                let sheep: Vec<_> = (*next..*next + BATCH).map(CountSheep::new).collect();
                client.insert_many(sheep).await.expect("jobs are enqueued");
                *next += BATCH;
                flock.note_enqueued(BATCH);
            }
        })
    }

    /// Waits until this node encrypts with the key.
    pub(crate) async fn until_primary(&self, key: KeyId) {
        let wait = async {
            while self.keys.snapshot().primary().key_id() != key {
                tokio::task::yield_now().await;
            }
        };
        let found = tokio::time::timeout(LIMIT, wait).await;
        found.expect("the node reads its keys again");
    }

    pub(crate) async fn stop(mut self) {
        self.run.stop().await.expect("the client stops");
    }
}

fn counting(
    flock: Arc<Flock>,
) -> impl Fn(WorkContext, Job<CountSheep>) -> Ready<Result<WorkOutcome, Infallible>>
+ Send
+ Sync
+ 'static {
    move |_, job: Job<CountSheep>| {
        flock.note_worked(job.args.number);
        ready(Ok(WorkOutcome::Complete))
    }
}
