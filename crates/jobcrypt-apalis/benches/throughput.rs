//! Jobs per second through apalis, enqueued and worked, with and without sealing: args of 1 KiB, in rounds in
//! which either way goes first in turn.
//!
//! ```text
//! cargo bench -p jobcrypt-apalis --all-features --bench throughput
//! ```

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use apalis_core::{
    backend::TaskSink,
    error::BoxDynError,
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use apalis_postgres::{PgPool, PostgresStorage};
use apalis_redis::RedisStorage;
use apalis_sqlite::{SqlitePool, SqliteStorage};
use jobcrypt_apalis::EncryptBackend;
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
use jobcrypt_testkit::{PostgresServer, RedisServer};
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Serialize)]
struct Letter {
    to: String,
    text: String,
}

const ARGS: usize = 1024;
const JOBS: usize = 2000;
const JOBS_PER_INSERTION: usize = 100;
const ROUNDS: usize = 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = std::env::temp_dir().join(format!("jobcrypt-apalis-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    on_sqlite(&folder).await?;
    std::fs::remove_dir_all(&folder)?;
    on_postgres().await?;
    on_redis().await
}

/// A worker that does nothing but count, until all jobs are done. A macro, since the types of the two
/// backends share no bound that a worker asks for.
macro_rules! jobs_per_second {
    ($backend:expr) => {{
        let mut backend = $backend;
        let letters = letters();
        let start = Instant::now();
        for _ in 0..JOBS / JOBS_PER_INSERTION {
            backend.push_bulk(letters.clone()).await?;
        }
        let done = Arc::new(AtomicUsize::new(0));
        let work = move |_: Letter, worker: WorkerContext| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            async move {
                if done == JOBS {
                    worker.stop()?;
                }
                Ok::<_, BoxDynError>(())
            }
        };
        WorkerBuilder::new(worker_name())
            .backend(backend)
            .build(work)
            .run()
            .await?;
        #[allow(clippy::cast_precision_loss, reason = "some thousand jobs")]
        let rate = JOBS as f64 / start.elapsed().as_secs_f64();
        rate
    }};
}

/// `$empty` clears the store: apalis gets slower with the jobs that are done.
macro_rules! measure {
    ($store:literal, $empty:expr, $storage:expr) => {{
        let storage = $storage;
        let hook = hook()?;
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            for turn in 0..2 {
                $empty.await?;
                let kind = format!("letters-{round}-{turn}");
                let (rates, rate) = if (round + turn) % 2 == 0 {
                    (&mut plain, jobs_per_second!(storage(&kind)))
                } else {
                    let backend = EncryptBackend::new(hook.clone(), &*kind, storage(&kind));
                    (&mut sealed, jobs_per_second!(backend))
                };
                // The first round warms up.
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
        report($store, &plain, &sealed);
    }};
}

async fn on_sqlite(folder: &Path) -> Result<(), BoxDynError> {
    let url = format!(
        "sqlite://{}?mode=rwc",
        folder.join("jobs.sqlite3").display()
    );
    let pool = SqlitePool::connect(&url).await?;
    SqliteStorage::setup(&pool).await?;
    let empty = || sqlx::query("delete from Jobs").execute(&pool);
    measure!("SQLite", empty(), |kind: &str| {
        let config = apalis_sqlite::Config::default().queue(kind).batch_size(100);
        SqliteStorage::<Letter>::new(&pool).with_config(config)
    });
    Ok(())
}

async fn on_postgres() -> Result<(), BoxDynError> {
    let server = PostgresServer::start(&std::env::temp_dir())?;
    let pool = PgPool::connect(&server.url()).await?;
    PostgresStorage::setup(&pool).await?;
    let empty = || sqlx::query("truncate apalis.jobs").execute(&pool);
    measure!("PostgreSQL", empty(), |kind: &str| {
        let config = apalis_postgres::Config::default().queue(kind);
        PostgresStorage::<Letter>::new(&pool).with_config(config.batch_size(100))
    });
    Ok(())
}

async fn on_redis() -> Result<(), BoxDynError> {
    let server = RedisServer::start(&std::env::temp_dir())?;
    let connection = apalis_redis::connect(server.url()).await?;
    let empty = || async {
        redis::cmd("FLUSHALL")
            .query_async::<()>(&mut connection.clone())
            .await
    };
    measure!("Redis", empty(), |kind: &str| {
        let config = apalis_redis::Config::default().queue(kind).batch_size(100);
        RedisStorage::<Letter>::new(connection.clone()).with_config(config)
    });
    Ok(())
}

fn hook() -> Result<EncryptHook, jobcrypt_core::Error> {
    let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    EncryptHook::builder(keyring).namespace("prod").build()
}

fn letters() -> Vec<Letter> {
    let text = "a".repeat(ARGS - r#"{"to":"ada@example.com","text":""}"#.len());
    let to = "ada@example.com".to_owned();
    vec![Letter { to, text }; JOBS_PER_INSERTION]
}

/// apalis takes two workers of the same name for one that is alive.
fn worker_name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("worker-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn report(store: &str, plain: &[f64], sealed: &[f64]) {
    let share = median(
        sealed
            .iter()
            .zip(plain)
            .map(|(sealed, plain)| sealed / plain),
    );
    println!(
        "{store}: {:.0} jobs/s without, {:.0} with, {share:.3} of it (median of {ROUNDS} rounds)",
        median(plain.iter().copied()),
        median(sealed.iter().copied()),
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
