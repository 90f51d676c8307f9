//! A queue of apalis' to look into, a handler that remembers, and a worker that stops by itself.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, TaskSink, finalize::Durable, persistence::TaskPersistLayer},
    error::BoxDynError,
    task::{builder::TaskBuilder, task_id::GenerateId},
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use apalis_sqlite::JsonCodec;
use async_trait::async_trait;
use jobcrypt_apalis::{EncryptBackend, Store};
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Encryptor, Keyring, SecretKey};
use jobcrypt_testkit::Worker;
use serde_json::{Value, value::RawValue};

pub(crate) type Args = Box<RawValue>;

/// How often a worker of a watched storage says that it is there.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);

/// What stands in a store about a job.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) args: String,
    pub(crate) status: String,
    pub(crate) attempts: i64,
    /// In how many seconds it is due.
    pub(crate) due_in: i64,
    /// What apalis keeps as its result: JSON, with `Ok` or `Err`.
    pub(crate) result: String,
}

impl Row {
    pub(crate) fn is_parked(&self) -> bool {
        self.result.contains("jobcrypt: parked;")
    }

    pub(crate) fn waits(&self) -> bool {
        self.result.contains("jobcrypt: waits;")
    }
}

/// Runs each test on every store that the features ask for.
macro_rules! on_each_store {
    ($($(#[$note:meta])* async fn $name:ident<$engine:ident>() $body:block)*) => {
        $($(#[$note])* async fn $name<$engine: crate::bench::Engine>() $body)*

        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name::<crate::sqlite::Sqlite>().await })*
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name::<crate::postgres::Postgres>().await })*
        }

        #[cfg(feature = "redis")]
        mod redis {
            $(#[tokio::test] async fn $name() { super::$name::<crate::redis::Redis>().await })*
        }
    };
}
pub(crate) use on_each_store;

/// One of apalis' stores, and what only its own language says.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    type Storage: Store<
            Args = Args,
            Codec = JsonCodec,
            Layer = TaskPersistLayer<JsonCodec<Value>, Value>,
            Id: GenerateId,
        > + Backend<Error: Send>
        + TaskSink<Args, Durable>
        + Clone
        + Send
        + Sync
        + 'static;

    async fn start() -> Self;

    /// A storage that fetches one job at a time.
    fn storage(&self, kind: &str) -> Self::Storage;

    /// A storage of the store that is there, whose workers soon notice that another is gone.
    async fn watched_storage(url: &str) -> Self::Storage;

    fn url(&self) -> String;

    async fn rows(&self) -> Vec<Row>;

    /// The ids of jobs that a worker would fetch now, the first one first.
    async fn due(&self) -> Vec<String>;

    /// Has this job fetched before all others of its queue.
    async fn put_first(&self, id: &str);

    /// Keeps jobs from being fetched, until they are freed.
    async fn hold(&self, ids: &[String]);

    async fn free(&self, ids: &[String]);

    async fn remove(&self, id: &str);

    /// Makes all jobs due that are not parked.
    async fn make_due(&self);

    /// Does what the README tells whoever has mended why jobs are parked.
    async fn put_back(&self);

    /// All bytes that the store holds.
    async fn dump(&self) -> Vec<u8>;
}

/// What the handler got, and is told to do.
#[derive(Clone, Default)]
struct Handler(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    worker: Option<Worker>,
    seen: Vec<(String, String)>,
}

pub(crate) struct Bench<E: Engine> {
    pub(crate) engine: E,
    pub(crate) hook: EncryptHook,
    backends: BTreeMap<String, EncryptBackend<E::Storage>>,
    handler: Handler,
}

/// Returns what stands in the README from `first` on, up to the end of the paragraph.
pub(crate) fn documented(first: &str) -> &'static str {
    let readme = include_str!("../../README.md");
    let at = readme.find(first).expect("the README says how");
    let end = ["\n\n", "\n```"]
        .iter()
        .filter_map(|end| readme[at..].find(end));
    &readme[at..at + end.min().expect("it ends")]
}

const SENTINEL: &str = r#""no job is due any more""#;

pub(crate) fn raw(json: &str) -> Args {
    RawValue::from_string(json.to_owned()).expect("args are JSON here")
}

pub(crate) fn new_key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has randomness"))
}

pub(crate) fn hook(primary: impl Encryptor) -> EncryptHook {
    let keyring = Keyring::new(primary).build();
    EncryptHook::builder(keyring.expect("a new key makes a keyring"))
        .build()
        .expect("the hook is sound")
}

/// A name that no worker had before: apalis takes two of the same for one that is alive.
pub(crate) fn worker_name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("worker-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl<E: Engine> Bench<E> {
    pub(crate) async fn new(hook: EncryptHook) -> Self {
        Self {
            engine: E::start().await,
            hook,
            backends: BTreeMap::new(),
            handler: Handler::default(),
        }
    }

    pub(crate) fn backend(&mut self, kind: &str) -> &mut EncryptBackend<E::Storage> {
        let backend = || EncryptBackend::new(self.hook.clone(), kind, self.engine.storage(kind));
        self.backends.entry(kind.to_owned()).or_insert_with(backend)
    }

    fn task(args: &str) -> (String, TaskBuilder<Args>) {
        let id = <E::Storage as BackendConfig>::Id::generate();
        (id.to_string(), TaskBuilder::new(raw(args)).task_id(id))
    }

    pub(crate) async fn push(&mut self, kind: &str, args: &str) -> Result<String, BoxDynError> {
        let (id, task) = Self::task(args);
        self.backend(kind).push_task(task.build()).await?;
        Ok(id)
    }

    pub(crate) async fn push_later(
        &mut self,
        kind: &str,
        args: &str,
    ) -> Result<String, BoxDynError> {
        let (id, task) = Self::task(args);
        let task = task.run_in_hours(1).build();
        self.backend(kind).push_task(task).await?;
        Ok(id)
    }

    /// Stores args past the hook.
    pub(crate) async fn plant(&mut self, kind: &str, args: &str) -> String {
        let (id, task) = Self::task(args);
        let planted = self.backend(kind).get_mut().push_task(task.build()).await;
        planted.expect("the store takes it");
        id
    }

    pub(crate) async fn row(&self, id: &str) -> Row {
        let mut rows = self.engine.rows().await.into_iter();
        rows.find(|row| row.id == id).expect("no job is lost")
    }

    /// Has a worker fetch the first job that is due, or find none. Returns its id, and what the handler
    /// got, if it came to that.
    pub(crate) async fn work_one(
        &mut self,
        worker: Worker,
    ) -> (Option<String>, Option<(String, String)>) {
        let mut due = self.engine.due().await;
        let job = (!due.is_empty()).then(|| due.remove(0));
        self.engine.hold(&due).await;
        let kinds = match &job {
            Some(id) => {
                self.engine.put_first(id).await;
                vec![self.row(id).await.kind]
            }
            None => self.backends.keys().cloned().collect(),
        };
        self.told().worker = Some(worker);
        for kind in kinds {
            let sentinel = self.push(&kind, SENTINEL).await.expect("it is stored");
            self.run(&kind).await;
            self.engine.remove(&sentinel).await;
        }
        self.engine.free(&due).await;
        (job, self.told().seen.pop())
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.handler.0.lock().expect("no test panics in here")
    }

    /// Runs a worker until it has worked one job or meets the sentinel, behind which nothing is due.
    async fn run(&mut self, kind: &str) {
        let handler = self.handler.clone();
        let of_kind = kind.to_owned();
        let work = move |args: Args, worker: WorkerContext| {
            let (handler, kind) = (handler.clone(), of_kind.clone());
            async move {
                worker.stop()?;
                if args.get() == SENTINEL {
                    return Ok(raw("null"));
                }
                let mut told = handler.0.lock().expect("no test panics in here");
                told.seen.push((kind, args.get().to_owned()));
                match told.worker {
                    Some(Worker::Fails) => Err(BoxDynError::from("declined")),
                    Some(Worker::Returns(json)) => Ok(raw(json)),
                    _ => Ok(raw("null")),
                }
            }
        };
        let worker = WorkerBuilder::new(worker_name())
            .backend(self.backend(kind).clone())
            .build(work);
        // Not held across an `await`, which the compiler could not prove to be `Send` here.
        let run = tokio::spawn(worker.run());
        run.await
            .expect("it does not panic")
            .expect("the worker lives on");
    }
}
