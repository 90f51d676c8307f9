//! What apalis does of its own, without jobcrypt: `docs/upstream/apalis.md`. A test that fails here says
//! that it was mended.

use std::time::Duration;

use apalis_core::{
    backend::TaskSink,
    error::{BoxDynError, RetryAfterError},
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use apalis_sqlite::{Config, SqliteStorage};

use crate::{
    bench::{Engine, worker_name},
    sqlite::Sqlite,
};

fn storage<A>(sqlite: &Sqlite) -> SqliteStorage<A> {
    sqlite
        .typed()
        .with_config(Config::default().queue("numbers"))
}

#[tokio::test]
async fn one_job_whose_args_do_not_fit_ends_the_worker() {
    let sqlite = Sqlite::start().await;
    storage::<String>(&sqlite)
        .push("canary".to_owned())
        .await
        .expect("it is stored");
    let work = |_: u32| async { Ok::<_, BoxDynError>(()) };
    let worker = WorkerBuilder::new(worker_name())
        .backend(storage(&sqlite))
        .build(work);
    let error = worker
        .run()
        .await
        .expect_err("mended upstream: the worker lives on");
    assert!(
        error.to_string().contains("canary"),
        "mended upstream: {error}"
    );
    let rows = sqlite.rows().await;
    assert_eq!(
        (&*rows[0].status, rows[0].attempts),
        ("Queued", 0),
        "mended upstream"
    );
}

#[tokio::test]
async fn a_row_that_is_no_task_ends_each_worker_and_stays_in_front() {
    let sqlite = Sqlite::start().await;
    storage::<u32>(&sqlite).push(1).await.expect("it is stored");
    sqlx::query("update Jobs set id = 'no ULID'")
        .execute(&sqlite.pool)
        .await
        .expect("the database takes it");
    storage::<u32>(&sqlite).push(2).await.expect("it is stored");
    for _ in 0..2 {
        let work = |_: u32| async { Ok::<_, BoxDynError>(()) };
        let worker = WorkerBuilder::new(worker_name())
            .backend(storage(&sqlite))
            .build(work);
        worker
            .run()
            .await
            .expect_err("mended upstream: the worker lives on");
        let rows = sqlite.rows().await;
        let pending = rows.iter().filter(|row| row.status == "Pending");
        assert_eq!(pending.count(), 2, "mended upstream: {rows:?}");
    }
}

#[tokio::test]
async fn a_queue_is_named_after_a_rust_type() {
    mod moved {
        #[derive(serde::Deserialize, serde::Serialize)]
        pub(super) struct Number;
    }

    let sqlite = Sqlite::start().await;
    let mut storage = sqlite.typed::<moved::Number>();
    storage.push(moved::Number).await.expect("it is stored");
    let kind = &sqlite.rows().await[0].kind;
    assert!(kind.ends_with("::moved::Number"), "mended upstream: {kind}");
}

#[tokio::test]
async fn a_job_that_is_to_be_retried_later_is_never_fetched_again() {
    let sqlite = Sqlite::start().await;
    storage::<u32>(&sqlite).push(1).await.expect("it is stored");
    let work = |_: u32, worker: WorkerContext| async move {
        worker.stop()?;
        Err::<(), BoxDynError>(RetryAfterError::new("later", Duration::from_secs(1)).into())
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(storage(&sqlite))
        .build(work);
    worker.run().await.expect("the worker lives on");
    let (status, lock_by): (String, Option<String>) =
        sqlx::query_as("select status, lock_by from Jobs")
            .fetch_one(&sqlite.pool)
            .await
            .expect("it is there");
    assert_eq!(status, "Pending");
    // Fetched is only what nobody has locked.
    assert!(lock_by.is_some(), "mended upstream");
}

#[tokio::test]
async fn what_a_handler_returns_is_stored_in_plaintext() {
    let sqlite = Sqlite::start().await;
    storage::<u32>(&sqlite).push(1).await.expect("it is stored");
    let work = |_: u32, worker: WorkerContext| async move {
        worker.stop()?;
        Ok::<_, BoxDynError>("canary".to_owned())
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(storage(&sqlite))
        .build(work);
    worker.run().await.expect("the worker lives on");
    assert_eq!(sqlite.rows().await[0].result, r#"{"Ok":"canary"}"#);
}

#[tokio::test]
async fn without_results_no_end_of_a_job_is_recorded() {
    let sqlite = Sqlite::start().await;
    let storage = sqlite
        .typed::<u32>()
        .with_config(Config::default().queue("numbers").persist_results(false));
    storage.clone().push(1).await.expect("it is stored");
    let work = |_: u32, worker: WorkerContext| async move {
        worker.stop()?;
        Ok::<_, BoxDynError>(())
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(storage)
        .build(work);
    worker.run().await.expect("the worker lives on");
    let status = &sqlite.rows().await[0].status;
    assert_ne!(status, "Done", "mended upstream");
}

#[tokio::test]
async fn a_job_that_fails_has_used_all_its_attempts_at_once() {
    let sqlite = Sqlite::start().await;
    storage::<u32>(&sqlite).push(1).await.expect("it is stored");
    let begin = std::time::Instant::now();
    let attempts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&attempts);
    let work = move |_: u32, worker: WorkerContext| {
        let attempt = counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        async move {
            if attempt == 25 {
                worker.stop()?;
            }
            Err::<(), BoxDynError>("declined".into())
        }
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(storage(&sqlite))
        .build(work);
    worker.run().await.expect("the worker lives on");
    let row = &sqlite.rows().await[0];
    assert_eq!((&*row.status, row.attempts), ("Failed", 25));
    assert!(begin.elapsed() < Duration::from_secs(20), "mended upstream");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn on_redis_an_idempotency_key_is_forgotten_at_once() {
    use apalis_core::task::builder::TaskBuilder;

    let redis = crate::redis::Redis::start().await;
    let mut storage = redis
        .typed::<u32>()
        .with_config(apalis_redis::Config::default().queue("numbers"));
    for number in 0..2 {
        let task = TaskBuilder::new(number).idempotency_key("one").build();
        storage.push_task(task).await.expect("it is stored");
    }
    assert_eq!(redis.rows().await.len(), 2, "mended upstream");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn on_redis_the_failure_of_an_attempt_is_taken_for_the_result_of_the_job() {
    use apalis_core::{
        backend::{BackendConfig, WaitForCompletion},
        task::{builder::TaskBuilder, task_id::GenerateId},
    };

    let redis = crate::redis::Redis::start().await;
    let mut storage = redis
        .typed::<u32>()
        .with_config(apalis_redis::Config::default().queue("numbers"));
    let id = <<apalis_redis::RedisStorage<u32> as BackendConfig>::Id as GenerateId>::generate();
    let task = TaskBuilder::new(1).task_id(id.clone()).build();
    storage.push_task(task).await.expect("it is stored");
    let work = |_: u32, worker: WorkerContext| async move {
        worker.stop()?;
        Err::<u32, BoxDynError>("declined".into())
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(storage.clone())
        .build(work);
    worker.run().await.expect("the worker lives on");
    let results = WaitForCompletion::<u32>::check_status(&mut storage, [id]).await;
    let results = results.expect("the server answers");
    assert_eq!(redis.rows().await[0].attempts, 1, "it has 24 more");
    assert_eq!(results.len(), 1, "mended upstream");
    assert!(results[0].result.is_err(), "mended upstream");
}
