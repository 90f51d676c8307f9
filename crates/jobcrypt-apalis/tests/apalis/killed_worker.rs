//! A worker that is killed while it has a sealed job.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{self, Command, Stdio},
};

use apalis_core::{
    backend::TaskSink,
    error::BoxDynError,
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use jobcrypt_apalis::EncryptBackend;
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, SecretKey};

use crate::bench::{Args, Engine, hook, on_each_store, raw, worker_name};

const KIND: &str = "charge_card";
const ARGS: &str = r#"{"pan":"canary-pan-41111111"}"#;

/// Where the worker's jobs are, and their key.
const URL: &str = "JOBCRYPT_TEST_KILLED_URL";
const KEY: &str = "JOBCRYPT_TEST_KILLED_KEY";
const BEGUN: &str = "it has begun";

/// The worker that is killed: this program, started anew with these variables.
#[tokio::test]
async fn is_the_worker() {
    let (Ok(url), Ok(key)) = (env::var(URL), env::var(KEY)) else {
        return;
    };
    let key = SecretKey::from_base64(&key).expect("it is a key");
    let hook = hook(XChaCha20Poly1305::new(key));
    match url.split(':').next() {
        Some("sqlite") => hang::<crate::sqlite::Sqlite>(&url, hook).await,
        #[cfg(feature = "postgres")]
        Some("postgres") => hang::<crate::postgres::Postgres>(&url, hook).await,
        #[cfg(feature = "redis")]
        Some("redis+unix") => hang::<crate::redis::Redis>(&url, hook).await,
        _ => panic!("no store is at {url}"),
    }
}

async fn hang<E: Engine>(url: &str, hook: EncryptHook) {
    let backend = EncryptBackend::new(hook, KIND, E::watched_storage(url).await);
    let work = |args: Args| async move {
        assert_eq!(args.get(), ARGS);
        println!("{BEGUN}");
        std::future::pending::<Result<(), BoxDynError>>().await
    };
    let worker = WorkerBuilder::new(format!("killed-{}", process::id()))
        .backend(backend)
        .build(work);
    worker.run().await.expect("it is killed before");
}

on_each_store! {
    async fn a_job_whose_worker_is_killed_stays_sealed_and_is_worked_by_the_next<E>() {
        let engine = E::start().await;
        let key = SecretKey::generate().expect("the system has randomness");
        let text = key.to_base64().to_string();
        let hook = hook(XChaCha20Poly1305::new(key));
        let storage = E::watched_storage(&engine.url()).await;
        let mut backend = EncryptBackend::new(hook, KIND, storage);
        backend.push(raw(ARGS)).await.expect("it is stored");
        let before = engine.rows().await.remove(0);

        let mut killed = Command::new(env::current_exe().expect("this program has a file"))
            .args(["killed_worker::is_the_worker", "--exact", "--nocapture"])
            .env(URL, engine.url())
            .env(KEY, text)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let said = BufReader::new(killed.stdout.take().expect("it has an output"));
        let mut said = said.lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains(BEGUN)), "it gets the job");
        killed.kill().expect("it is killed");
        killed.wait().expect("it is gone");
        let left = engine.rows().await.remove(0);
        assert_eq!(left.args, before.args, "sealed, byte for byte");

        let work = |args: Args, worker: WorkerContext| async move {
            assert_eq!(args.get(), ARGS);
            worker.stop()?;
            Ok::<_, BoxDynError>(())
        };
        let worker = WorkerBuilder::new(worker_name()).backend(backend).build(work);
        worker.run().await.expect("the worker lives on");
        let done = engine.rows().await.remove(0);
        assert_eq!((&*done.status, &done.args), ("Done", &before.args));
    }
}
