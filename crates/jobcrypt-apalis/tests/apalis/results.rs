//! What handlers return.

use apalis_core::{
    backend::{BackendConfig, TaskSink, WaitForCompletion},
    error::BoxDynError,
    task::{builder::TaskBuilder, task_id::GenerateId},
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use apalis_sqlite::SqliteStorage;
use futures_util::StreamExt;
use jobcrypt_apalis::EncryptBackend;

use crate::{
    bench::{Engine, hook, new_key, worker_name},
    sqlite::Sqlite,
};

const KIND: &str = "charge_card";
const CANARY: &str = "canary-pan-41111111";

#[tokio::test]
async fn a_result_is_sealed_and_comes_back_to_who_waits_for_it() {
    let sqlite = Sqlite::start().await;
    let storage = SqliteStorage::<String>::new(&sqlite.pool);
    let mut backend = EncryptBackend::new(hook(new_key()), KIND, storage);
    let id = <<SqliteStorage<String> as BackendConfig>::Id as GenerateId>::generate();
    let task = TaskBuilder::new(CANARY.to_owned())
        .task_id(id.clone())
        .build();
    backend.push_task(task).await.expect("it is stored");
    let echo = |args: String, worker: WorkerContext| async move {
        worker.stop()?;
        Ok::<_, BoxDynError>(args)
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(backend.clone())
        .build(echo);
    worker.run().await.expect("the worker lives on");

    let stored = &sqlite.rows().await[0].result;
    assert!(
        stored.starts_with(r#"{"Ok":{"river_encrypt":"jc1."#),
        "{stored}"
    );
    let mut results = WaitForCompletion::<String>::wait_for(&mut backend, [id]);
    let result = results
        .next()
        .await
        .expect("there is one")
        .expect("the store has it");
    assert_eq!(result.result.as_deref(), Ok(CANARY));
}

#[tokio::test]
async fn a_job_that_returns_nothing_has_nothing_sealed() {
    let sqlite = Sqlite::start().await;
    let storage = SqliteStorage::<String>::new(&sqlite.pool);
    let mut backend = EncryptBackend::new(hook(new_key()), KIND, storage);
    backend.push(CANARY.to_owned()).await.expect("it is stored");
    let quiet = |_: String, worker: WorkerContext| async move {
        worker.stop()?;
        Ok::<_, BoxDynError>(())
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(backend)
        .build(quiet);
    worker.run().await.expect("the worker lives on");
    assert_eq!(sqlite.rows().await[0].result, r#"{"Ok":null}"#);
}
