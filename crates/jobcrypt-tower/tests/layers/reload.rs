//! Keys that arrive after the job.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Error, ErrorKind, KeyProvider, Keyring, Keys, SecretKey};
use jobcrypt_tower::{DecryptLayer, Encrypt};
use tower::{BoxError, Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};

use crate::row::{ARGS, Row, Rows, call, hook, hook_with, is_ready, key, keyring};

/// Has only an old key at first, and the new one from the second answer on. Each answer takes a turn
/// of the runtime.
struct Arriving {
    new: [u8; 32],
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl KeyProvider for Arriving {
    async fn keyring(&self) -> Result<Keyring, Error> {
        tokio::task::yield_now().await;
        let old = Keyring::new(key());
        match self.asked.fetch_add(1, Ordering::Relaxed) {
            0 => old.build(),
            1 => Err(Error::key_source_unavailable("down for a moment")),
            _ => old.and(new_key(self.new)).build(),
        }
    }
}

fn new_key(bytes: [u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::from_bytes(&bytes).expect("it is 32 bytes"))
}

fn random() -> [u8; 32] {
    let key = SecretKey::generate().expect("the system has random bytes");
    *key.expose()
}

/// A worker's hook, how often its provider was asked, and a job under a key that it lacks at first.
async fn without_the_key() -> (EncryptHook, Arc<AtomicUsize>, Row) {
    let (new, asked) = (random(), Arc::new(AtomicUsize::new(0)));
    let stored = Rows::default();
    let producer = hook_with(keyring(new_key(new)));
    let enqueue = Encrypt::new(stored.store(), producer);
    let row = Row::new("charge_card", ARGS);
    enqueue.oneshot(row).await.expect("it is stored");
    let row = stored.lock()[0].clone();

    let provider = Arriving {
        new,
        asked: Arc::clone(&asked),
    };
    let keys = Keys::from_provider_every(Duration::ZERO, provider).await;
    (hook_with(keys.expect("it has a key")), asked, row)
}

fn cause(error: &BoxError) -> ErrorKind {
    let error = error.downcast_ref::<Error>().expect("it is ours");
    error.kind()
}

#[tokio::test]
async fn where_no_key_fits_the_source_is_asked_once_in_a_call() {
    let (hook, asked, row) = without_the_key().await;
    let seen = Rows::default();
    let worker = {
        let seen = seen.clone();
        service_fn(move |row: Row| {
            seen.lock().push(row);
            async { Ok::<_, BoxError>(()) }
        })
    };
    let mut work = DecryptLayer::new(hook).or_reload().layer(worker);

    let error = call(&mut work, row.clone()).await.expect_err("it is down");
    assert_eq!(cause(&error), ErrorKind::KeySourceUnavailable);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert!(seen.lock().is_empty());

    call(&mut work, row.clone())
        .await
        .expect("the key has arrived");
    assert_eq!(seen.lock()[0].text(), ARGS);
    assert_eq!(asked.load(Ordering::Relaxed), 3);

    call(&mut work, row).await.expect("the key is there");
    assert_eq!(
        asked.load(Ordering::Relaxed),
        3,
        "nobody asks for what is there"
    );
}

#[tokio::test]
async fn a_batch_asks_once_for_all_its_jobs() {
    let (hook, asked, row) = without_the_key().await;
    hook.keys().reload().await.expect_err("it is down");
    let worker = service_fn(async |rows: Vec<Row>| Ok::<_, BoxError>(rows));
    let work = DecryptLayer::new(hook).or_reload().layer(worker);
    let rows = work.oneshot(vec![row; 5]).await.expect("the key arrives");
    assert!(rows.iter().all(|row| row.text() == ARGS));
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn without_a_source_an_unknown_key_is_said_to_be_one() {
    let (_, _, row) = without_the_key().await;
    let worker = service_fn(async |_: Row| Ok::<_, BoxError>(()));
    let work = DecryptLayer::new(hook()).or_reload().layer(worker);
    let error = work.oneshot(row).await.expect_err("no key fits");
    assert_eq!(cause(&error), ErrorKind::NoMatchingKey);
}

#[tokio::test]
async fn what_was_ready_for_the_job_is_what_works_it() {
    let (hook, _, row) = without_the_key().await;
    hook.keys().reload().await.expect_err("it is down");
    let worker = service_fn(async |row: Row| Ok::<_, BoxError>(row));
    // A limit panics when an instance is called that was never ready.
    let limited = ConcurrencyLimit::new(worker, 1);
    let mut work = DecryptLayer::new(hook).or_reload().layer(limited);
    let first = call(&mut work, row.clone()).await;
    assert_eq!(first.expect("the key arrives").text(), ARGS);
    let second = call(&mut work, row).await;
    assert_eq!(second.expect("it is there").text(), ARGS);
}

#[tokio::test]
async fn the_response_can_be_sent_to_another_thread() {
    let (hook, _, row) = without_the_key().await;
    hook.keys().reload().await.expect_err("it is down");
    let worker =
        tower::util::BoxCloneService::new(service_fn(async |row: Row| Ok::<_, BoxError>(row)));
    let work = DecryptLayer::new(hook).or_reload().layer(worker);
    let seen = tokio::spawn(work.oneshot(row)).await.expect("no panic");
    assert_eq!(seen.expect("the key arrives").text(), ARGS);
}

#[tokio::test]
async fn a_call_that_is_given_up_while_keys_reload_gives_its_place_back() {
    let (hook, _, row) = without_the_key().await;
    let limited = ConcurrencyLimit::new(service_fn(async |row: Row| Ok::<_, BoxError>(row)), 1);
    let mut work = DecryptLayer::new(hook).or_reload().layer(limited);
    let ready = work.ready().await.expect("the worker is ready");
    let mut call = Box::pin(ready.call(row));
    assert!(
        poll_once(call.as_mut()).is_pending(),
        "the source takes its time"
    );
    assert!(!is_ready(&mut work), "the only place is taken");
    drop(call);
    assert!(is_ready(&mut work), "the only place is free again");
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
