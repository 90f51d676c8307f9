//! tower's own middleware around our layers and inside of them.

use std::{
    future::{Pending, pending, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use jobcrypt_tower::{Decrypt, Encrypt, EncryptLayer};
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt, buffer::Buffer, limit::ConcurrencyLimit,
    retry::Policy, service_fn, timeout::error::Elapsed,
};

use crate::row::{ARGS, Row, Rows, call, hook, is_ready};

#[tokio::test]
async fn readiness_is_that_of_the_inner_service() {
    struct Busy;

    impl Service<Row> for Busy {
        type Response = ();
        type Error = BoxError;
        type Future = Pending<Result<(), BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Pending
        }

        fn call(&mut self, _: Row) -> Self::Future {
            pending()
        }
    }

    assert!(!is_ready(&mut Encrypt::new(Busy, hook())));
    assert!(!is_ready(&mut Decrypt::new(Busy, hook())));
    assert!(is_ready(&mut Encrypt::new(Rows::default().store(), hook())));
    assert!(is_ready(&mut Decrypt::new(Rows::default().store(), hook())));
}

#[tokio::test]
async fn an_inner_service_that_fails_to_become_ready_says_so() {
    struct Broken;

    impl Service<Row> for Broken {
        type Response = ();
        type Error = BoxError;
        type Future = Pending<Result<(), BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Err("the store is gone".into()))
        }

        fn call(&mut self, _: Row) -> Self::Future {
            unreachable!("it is never ready")
        }
    }

    for error in [
        Encrypt::new(Broken, hook())
            .oneshot(Row::new("charge_card", ARGS))
            .await,
        Decrypt::new(Broken, hook())
            .oneshot(Row::new("charge_card", ARGS))
            .await,
    ] {
        assert_eq!(
            error.expect_err("it is gone").to_string(),
            "the store is gone"
        );
    }
}

#[tokio::test]
async fn clones_share_the_hook_and_a_concurrency_limit() {
    let never_done = service_fn(|_: Row| pending::<Result<(), BoxError>>());
    let mut first = Encrypt::new(ConcurrencyLimit::new(never_done, 1), hook());
    let mut second = first.clone();
    assert!(is_ready(&mut first));
    let call = first.call(Row::new("charge_card", ARGS));
    assert!(!is_ready(&mut second), "the only place is taken");
    drop(call);
    assert!(is_ready(&mut second), "the only place is free again");
}

#[tokio::test]
async fn a_refused_job_takes_no_place_from_the_next() {
    let stored = Rows::default();
    let limited = ConcurrencyLimit::new(stored.store(), 1);
    let mut work = Decrypt::new(limited, hook());
    for _ in 0..3 {
        let garbage = Row::new("charge_card", r#"{"river_encrypt":"?"}"#);
        let refused = call(&mut work, garbage).await;
        refused.expect_err("it is garbage");
    }
    let good = Row::new("charge_card", "{}");
    call(&mut work, good).await.expect("it is worked");
    assert_eq!(stored.lock().len(), 1);
}

#[tokio::test]
async fn behind_a_buffer_jobs_are_sealed_one_after_the_other() {
    let stored = Rows::default();
    let mut enqueue = Buffer::new(Encrypt::new(stored.store(), hook()), 4);
    for _ in 0..3 {
        let stored = call(&mut enqueue, Row::new("charge_card", ARGS)).await;
        stored.expect("it is stored");
    }
    assert!(stored.lock().iter().all(Row::is_sealed));

    let work = Buffer::new(Decrypt::new(Rows::default().store(), hook()), 4);
    let garbage = Row::new("charge_card", r#"{"river_encrypt":"?"}"#);
    let error = work.clone().oneshot(garbage).await;
    error.expect_err("it is garbage");
    let good = Row::new("charge_card", "{}");
    work.oneshot(good).await.expect("the buffer survives");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_a_store_that_does_not_answer() {
    let silent = service_fn(|_: Row| pending::<Result<(), BoxError>>());
    let enqueue = ServiceBuilder::new()
        .timeout(Duration::from_secs(1))
        .layer(EncryptLayer::new(hook()))
        .service(silent);
    let row = Row::new("charge_card", ARGS);
    let error = enqueue.oneshot(row).await.expect_err("it never answers");
    assert!(error.is::<Elapsed>(), "{error}");
}

/// Tries again as long as there are tries left.
#[derive(Clone)]
struct Tries(usize);

impl Policy<Row, (), BoxError> for Tries {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Row, result: &mut Result<(), BoxError>) -> Option<Self::Future> {
        self.0 = self.0.checked_sub(1)?;
        result.is_err().then(|| ready(()))
    }

    fn clone_request(&mut self, row: &Row) -> Option<Row> {
        Some(row.clone())
    }
}

/// Fails twice, then stores.
fn flaky(rows: &Rows) -> impl Service<Row, Response = (), Error = BoxError, Future: Send> + Clone {
    let (rows, calls) = (rows.clone(), Arc::new(AtomicUsize::new(0)));
    service_fn(move |row: Row| {
        rows.lock().push(row);
        let call = calls.fetch_add(1, Ordering::Relaxed);
        ready(if call < 2 {
            Err("the connection is gone".into())
        } else {
            Ok(())
        })
    })
}

#[tokio::test]
async fn each_retry_around_the_layer_seals_from_plaintext_once() {
    let (hook, attempts, worked) = (hook(), Rows::default(), Rows::default());
    ServiceBuilder::new()
        .retry(Tries(5))
        .layer(EncryptLayer::new(hook.clone()))
        .service(flaky(&attempts))
        .oneshot(Row::new("charge_card", ARGS))
        .await
        .expect("the third attempt is stored");
    let attempts = attempts.lock().clone();
    assert_eq!(attempts.len(), 3);
    assert_ne!(attempts[0], attempts[1], "each has a nonce of its own");
    for attempt in attempts {
        let work = Decrypt::new(worked.store(), hook.clone());
        work.oneshot(attempt).await.expect("it is sealed once");
    }
    assert!(worked.lock().iter().all(|row| row.text() == ARGS));
}

#[tokio::test]
async fn a_retry_inside_of_the_layer_stores_the_token_that_was_made_once() {
    let attempts = Rows::default();
    ServiceBuilder::new()
        .layer(EncryptLayer::new(hook()))
        .retry(Tries(5))
        .service(flaky(&attempts))
        .oneshot(Row::new("charge_card", ARGS))
        .await
        .expect("the third attempt is stored");
    let attempts = attempts.lock().clone();
    assert_eq!(attempts.len(), 3);
    assert!(attempts[0].is_sealed() && attempts.iter().all(|row| *row == attempts[0]));
}

#[test]
fn a_response_is_no_larger_than_that_of_the_inner_service_and_a_word() {
    type Inner = std::future::Ready<Result<usize, BoxError>>;
    let response = size_of::<jobcrypt_tower::ResponseFuture<Inner, BoxError>>();
    assert!(response <= size_of::<Inner>() + size_of::<usize>());
}
