use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, WireFormatBackend},
    task::Task,
    worker::context::WorkerContext,
};
use futures_util::{FutureExt, Sink};
use jobcrypt_core::{EncryptHook, UniqueKeys};
use jobcrypt_tower::Verdict;
use zeroize::Zeroizing;

use crate::{
    Sealing, StorageError, Store,
    opening::{Opening, Settings, id_of},
    refusal::UnderWay,
    seal_results::SealResultsLayer,
};

/// A backend of apalis' whose jobs are sealed at rest. Clones share the store and the hook.
///
/// It stands where the storage would: jobs are pushed into it, and a worker or a workflow is built on it.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use apalis_core::backend::TaskSink;
/// use apalis_sqlite::{SqlitePool, SqliteStorage};
/// use jobcrypt_apalis::EncryptBackend;
///
/// # let key = jobcrypt_core::SecretKey::generate()?;
/// # let keyring = jobcrypt_core::Keyring::new(jobcrypt_ciphers::XChaCha20Poly1305::new(key)).build()?;
/// # let hook = jobcrypt_core::EncryptHook::builder(keyring).build()?;
/// let pool = SqlitePool::connect(":memory:").await?;
/// SqliteStorage::setup(&pool).await?;
/// let mut jobs = EncryptBackend::new(hook, "charge_card", SqliteStorage::<String>::new(&pool));
/// jobs.push("4111111111111111".to_owned()).await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
#[must_use = "a backend does nothing unless a worker is built on it"]
pub struct EncryptBackend<B> {
    pub(crate) store: B,
    pub(crate) opening: Opening,
    under_way: UnderWay,
}

impl<B: Store> EncryptBackend<B> {
    /// Seals the jobs of `store` with `hook`. They are of this one kind, which is also the name of their
    /// queue: not the name of a type, which is what apalis takes unless told, and which changes when code
    /// moves.
    ///
    /// All else of the store's configuration stays as it is.
    pub fn new(hook: EncryptHook, kind: impl Into<String>, store: B) -> Self {
        let kind = kind.into().into_boxed_str();
        let store = store.in_queue(&kind);
        let refuse = store.refuse();
        let opening = Opening::new(Settings {
            hook,
            kind,
            park_after: Verdict::PARK_AFTER,
            refuse,
            has_readable_errors: false,
            unique: None,
        });
        Self {
            store,
            opening,
            under_way: UnderWay::default(),
        }
    }

    /// Sets how long a job whose key is unknown waits for it before it is parked: 7 days unless set.
    pub fn park_after(self, wait: Duration) -> Self {
        self.set(|settings| settings.park_after = wait)
    }

    /// Stores keyed hashes in the place of idempotency keys, which apalis stores as they are given: for those that are made of
    /// args, such as a number of an account, which whoever reads the store could read or guess. Handlers get the hash too.
    ///
    /// All who push jobs of the kind need the same keys. Around the time when those change over, a job can be stored once more:
    /// apalis looks for one key only.
    pub fn unique_by(self, keys: impl Into<Arc<UniqueKeys>>) -> Self {
        self.set(|settings| settings.unique = Some(keys.into()))
    }

    /// Leaves the errors of handlers as they are, but for serde's, which quote args. apalis stores them in plaintext. Otherwise
    /// those of sealed kinds, and panics, become a safe text with their words sealed in it, which
    /// [`SealedWords::open`](crate::SealedWords::open) reads.
    pub fn readable_errors(self) -> Self {
        self.set(|settings| settings.has_readable_errors = true)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.opening.settings().clone();
        change(&mut settings);
        self.opening = Opening::new(settings);
        self
    }
}

impl<B> EncryptBackend<B> {
    /// Returns the store, which has jobs as they are stored: sealed.
    pub fn get_ref(&self) -> &B {
        &self.store
    }

    /// Returns the store. What is pushed into it there is not sealed.
    pub fn get_mut(&mut self) -> &mut B {
        &mut self.store
    }

    /// Returns the store alone.
    pub fn into_inner(self) -> B {
        self.store
    }
}

/// Jobs come opened, in the form the store's codec reads; those that cannot be opened do not come.
impl<B: Store> Backend for EncryptBackend<B> {
    type Task = Task<Vec<u8>>;
    type Error = StorageError<<B as Backend>::Error>;

    fn poll_ready(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        let ready = Backend::poll_ready(&mut self.store, context, worker);
        ready.map_err(StorageError::Store)
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        loop {
            match self.under_way.poll(context) {
                Poll::Ready(Some(Some(task))) => {
                    self.forget_refusal(&task, worker);
                    return Poll::Ready(Some(Ok(task)));
                }
                Poll::Ready(Some(None)) => continue,
                Poll::Pending if self.under_way.len() >= UnderWay::MOST => return Poll::Pending,
                Poll::Pending | Poll::Ready(None) => {}
            }
            let task = match ready!(self.store.poll_next(context, worker)) {
                Some(Ok(task)) => task,
                Some(Err(error)) => return Poll::Ready(Some(Err(StorageError::Store(error)))),
                None => return Poll::Ready(None),
            };
            let opening = self.opening.clone().open(task, worker.name().to_owned());
            let mut opening = opening.boxed();
            match opening.poll_unpin(context) {
                Poll::Ready(Some(task)) => {
                    self.forget_refusal(&task, worker);
                    return Poll::Ready(Some(Ok(task)));
                }
                Poll::Ready(None) => {}
                // Whatever it waits for, jobs behind it do not.
                Poll::Pending => self.under_way.push(opening),
            }
        }
    }

    fn poll_close(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        while let Some(ended) = ready!(self.under_way.poll(context)) {
            if let Some(task) = ended {
                let opening = self.opening.clone();
                let back = opening.give_back(id_of(&task), worker.name().to_owned());
                self.under_way.push(back.map(|()| None).boxed());
            }
        }
        let closed = Backend::poll_close(&mut self.store, context, worker);
        closed.map_err(StorageError::Store)
    }
}

impl<B: Store> EncryptBackend<B> {
    /// Has a later wait of a job that was opened not count from this one, and no reason stand beside it.
    fn forget_refusal(&mut self, task: &Task<Vec<u8>>, worker: &WorkerContext) {
        if Opening::was_refused(task) {
            let opening = self.opening.clone();
            let forgetting = opening.forget(id_of(task), worker.name().to_owned());
            self.under_way.push(forgetting.map(|()| None).boxed());
        }
    }
}

impl<B: Store> BackendConfig for EncryptBackend<B> {
    type Args = B::Args;
    type Id = B::Id;
    type Kind = Sealing;
    type Config = B::Config;
    type Layer = SealResultsLayer<B::Layer>;

    fn config(&self) -> &Self::Config {
        self.store.config()
    }

    fn middleware(&mut self, worker: &mut WorkerContext) -> Self::Layer {
        SealResultsLayer::new(self.store.middleware(worker))
    }
}

impl<B: WireFormatBackend> WireFormatBackend for EncryptBackend<B> {
    type Codec = B::Codec;
    type Compact = B::Compact;

    fn codec(&self) -> &Self::Codec {
        self.store.codec()
    }
}

/// Seals args that are JSON already: the steps of a workflow come this way.
impl<B: Store> Sink<Task<Vec<u8>>> for EncryptBackend<B> {
    type Error = StorageError<<B as Backend>::Error>;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let ready = Sink::poll_ready(Pin::new(&mut self.store), context);
        ready.map_err(StorageError::Store)
    }

    fn start_send(mut self: Pin<&mut Self>, task: Task<Vec<u8>>) -> Result<(), Self::Error> {
        let sealed = self
            .opening
            .hide_unique_key(task)
            .and_then(|task| task.try_map_args(|json| self.opening.seal(Zeroizing::new(json))))
            .map_err(StorageError::Seal)?;
        let sent = Pin::new(&mut self.store).start_send(sealed);
        sent.map_err(StorageError::Store)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let flushed = Pin::new(&mut self.store).poll_flush(context);
        flushed.map_err(StorageError::Store)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        let closed = Sink::poll_close(Pin::new(&mut self.store), context);
        closed.map_err(StorageError::Store)
    }
}

impl<B: Clone> Clone for EncryptBackend<B> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            opening: self.opening.clone(),
            under_way: UnderWay::default(),
        }
    }
}

impl<B> fmt::Debug for EncryptBackend<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncryptBackend")
            .field("kind", &self.opening.kind())
            .finish_non_exhaustive()
    }
}
