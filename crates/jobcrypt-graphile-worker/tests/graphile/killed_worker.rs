//! A worker that is killed while it has a sealed job.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use graphile_worker::{IntoTaskHandlerResult, JobSpec, TaskHandler, WorkerContext, WorkerOptions};
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, SecretKey};
use jobcrypt_graphile_worker::EncryptPlugin;
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Row};

use crate::bed::{Bed, hook};

/// Where the worker's jobs are, and their key.
const URL: &str = "JOBCRYPT_TEST_KILLED_URL";
const KEY: &str = "JOBCRYPT_TEST_KILLED_KEY";
const BEGUN: &str = "it has begun";

#[derive(Deserialize, Serialize)]
struct SyncMailbox {
    password: String,
}

impl TaskHandler for SyncMailbox {
    const IDENTIFIER: &'static str = "sync_mailbox";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        assert_eq!(self.password, "canary-4711");
        if *context.job().attempts() == 1 {
            println!("{BEGUN}");
            std::future::pending::<()>().await;
        }
    }
}

fn options(hook: EncryptHook) -> WorkerOptions {
    EncryptPlugin::new(hook)
        .job::<SyncMailbox>()
        .install(WorkerOptions::default())
        .listen_os_shutdown_signals(false)
}

/// The worker that is killed: this program, started anew with these variables.
#[tokio::test]
async fn is_the_worker() {
    let (Ok(url), Ok(key)) = (env::var(URL), env::var(KEY)) else {
        return;
    };
    let key = SecretKey::from_base64(&key).expect("it is a key");
    let pool = PgPool::connect(&url).await.expect("it lets us in");
    let worker = options(hook(XChaCha20Poly1305::new(key))).pg_pool(pool);
    let worker = worker.init().await.expect("the worker is sound");
    worker.run_once().await.expect("it is killed before");
}

#[tokio::test]
async fn a_job_whose_worker_is_killed_stays_sealed_and_is_worked_by_the_next() {
    let bed = Bed::new().await;
    let key = SecretKey::generate().expect("the system has randomness");
    let text = key.to_base64().to_string();
    let worker = options(hook(XChaCha20Poly1305::new(key)))
        .pg_pool(bed.pool.clone())
        .init()
        .await
        .expect("the worker is sound");
    let utils = worker.create_utils();
    let args = SyncMailbox {
        password: "canary-4711".into(),
    };
    let added = utils.add_job(args, JobSpec::default()).await;
    added.expect("stored");
    let before = bed.stored().await;

    let mut killed = Command::new(env::current_exe().expect("this program has a file"))
        .args(["killed_worker::is_the_worker", "--exact", "--nocapture"])
        .env(URL, &bed.url)
        .env(KEY, text)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let said = BufReader::new(killed.stdout.take().expect("it has an output"));
    let mut said = said.lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains(BEGUN)), "it gets the job");
    killed.kill().expect("it is killed");
    killed.wait().expect("it is gone");

    assert_eq!(bed.stored().await, before, "sealed, byte for byte");
    worker.run_once().await.expect("the worker lives on");
    assert_eq!(
        bed.stored().await,
        before,
        "nobody knows yet that it is gone"
    );
    let gone = sqlx::query("select locked_by from graphile_worker._private_jobs")
        .fetch_one(&bed.pool)
        .await
        .expect("the job is there");
    let gone: String = gone.get(0);
    utils
        .force_unlock_workers(&[gone.as_str()])
        .await
        .expect("graphile_worker frees its jobs");
    worker.run_once().await.expect("the worker lives on");
    assert_eq!(
        bed.stored().await.len(),
        0,
        "it was worked, by the second attempt"
    );
}
