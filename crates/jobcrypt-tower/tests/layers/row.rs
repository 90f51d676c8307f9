//! The jobs of these tests, a hook for them, and a store that keeps what reaches it.

use std::{
    fmt::Debug,
    future::{Ready, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Encryptor, JobContext, Keyring, Policy, SecretKey};
use jobcrypt_tower::{JobBatch, JobRequest};
use tower::{BoxError, Service, ServiceExt};

pub(crate) const ARGS: &str = r#"{"pan":"4111111111111111","n":12345678901234567890123}"#;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) args: Vec<u8>,
}

impl Row {
    pub(crate) fn new(kind: &str, args: &str) -> Self {
        let (kind, args) = (kind.to_owned(), args.as_bytes().to_vec());
        Self { kind, args }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.args).expect("args are text here")
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.text().starts_with(r#"{"river_encrypt":"jc1."#)
    }
}

impl JobRequest for Row {
    type Args = Vec<u8>;

    fn context(&self) -> JobContext<'_> {
        JobContext::new(&self.kind)
    }

    fn args(&self) -> &Vec<u8> {
        &self.args
    }

    fn args_mut(&mut self) -> &mut Vec<u8> {
        &mut self.args
    }
}

pub(crate) fn key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"))
}

pub(crate) fn keyring(primary: impl Encryptor) -> Keyring {
    Keyring::new(primary).build().expect("a new key is sound")
}

/// Seals every kind but `rebuild_index`.
pub(crate) fn hook_with(keys: impl Into<jobcrypt_core::Keys>) -> EncryptHook {
    EncryptHook::builder(keys)
        .kind("rebuild_index", Policy::readable())
        .build()
        .expect("the hook is sound")
}

pub(crate) fn hook() -> EncryptHook {
    hook_with(keyring(key()))
}

/// Waits until the service is ready, and calls it.
pub(crate) async fn call<S: Service<R>, R>(
    service: &mut S,
    request: R,
) -> Result<S::Response, S::Error> {
    service.ready().await?.call(request).await
}

/// Polls readiness once.
pub(crate) fn is_ready<S: Service<Row, Error: Debug>>(service: &mut S) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    match service.poll_ready(&mut context) {
        Poll::Ready(ready) => {
            ready.expect("the service does not fail");
            true
        }
        Poll::Pending => false,
    }
}

/// Keeps every job that it is called with. It is neither `Clone` nor asks for anything.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) rows: Rows,
    is_ready: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rows(Arc<Mutex<Vec<Row>>>);

impl Rows {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn store(&self) -> Store {
        let rows = self.clone();
        Store {
            rows,
            is_ready: false,
        }
    }
}

impl<B: JobBatch<Job = Row>> Service<B> for Store {
    type Response = usize;
    type Error = BoxError;
    type Future = Ready<Result<usize, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, batch: B) -> Self::Future {
        assert!(self.is_ready, "it was called without being ready");
        self.is_ready = false;
        self.rows.lock().extend(batch.jobs().iter().cloned());
        ready(Ok(batch.jobs().len()))
    }
}
