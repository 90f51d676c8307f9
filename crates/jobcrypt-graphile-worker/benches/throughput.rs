//! What is left of graphile_worker's throughput with the plugin, at args of 1 KiB: `cargo bench -p
//! jobcrypt-graphile-worker`. It prints jobs a second, enqueued and worked, on a PostgreSQL server of its
//! own, and fails below the limit.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, TaskHandler, Worker, WorkerContext, WorkerOptions,
};
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
use jobcrypt_graphile_worker::EncryptPlugin;
use jobcrypt_testkit::PostgresServer;
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgPoolOptions};

/// The least that is to be left.
const LEAST: f64 = 0.97;
const ARGS: usize = 1024;
const JOBS: usize = 3_000;
const JOBS_PER_CALL: usize = 100;
const ROUNDS: usize = 15;

/// What is enqueued, and how.
#[derive(Clone, Copy)]
enum Way {
    /// Args of 1 KiB, as they are.
    Plain,
    /// The same, sealed.
    Sealed,
    /// Args that are as long as those when they are sealed.
    PlainAsLong,
}

#[derive(Clone, Deserialize, Serialize)]
struct Letter {
    to: String,
    text: String,
}

impl TaskHandler for Letter {
    const IDENTIFIER: &'static str = "send_letter";

    async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {}
}

impl Letter {
    fn of_length(bytes: usize) -> Self {
        Self {
            to: "ada@example.com".to_owned(),
            text: "a".repeat(bytes - r#"{"to":"ada@example.com","text":""}"#.len()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = PostgresServer::start(&std::env::temp_dir())?;
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .connect(&server.url())
        .await?;
    let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    let hook = EncryptHook::builder(keyring).namespace("bench").build()?;

    // In each round every way has its turn, and each round begins with another, so that whatever slows
    // the machine slows all.
    let ways = [Way::Plain, Way::Sealed, Way::PlainAsLong];
    let mut rounds: [Vec<f64>; 3] = Default::default();
    for round in 0..=ROUNDS {
        for turn in 0..ways.len() {
            let way = (round + turn) % ways.len();
            let elapsed = enqueue_and_work(&pool, ways[way], &hook).await?;
            // The first round warms up.
            if round > 0 {
                #[allow(clippy::cast_precision_loss, reason = "some thousand jobs")]
                rounds[way].push(JOBS as f64 / elapsed.as_secs_f64());
            }
        }
    }
    let [plain, sealed, as_long] = rounds;
    let share_of = |others: &[f64]| {
        let shares = sealed.iter().zip(others);
        median(shares.map(|(sealed, other)| sealed / other).collect())
    };
    let (share, share_of_as_long) = (share_of(&plain), share_of(&as_long));
    println!("without the plugin           {:7.0} jobs/s", median(plain));
    println!(
        "with it                      {:7.0} jobs/s",
        median(sealed.clone())
    );
    println!("share                        {share:7.3}");
    println!("share, of args as long       {share_of_as_long:7.3}");
    assert!(share >= LEAST, "less than {LEAST} is left");
    Ok(())
}

async fn enqueue_and_work(
    pool: &PgPool,
    way: Way,
    hook: &EncryptHook,
) -> Result<Duration, Box<dyn Error>> {
    let worker = worker(pool, way, hook).await?;
    sqlx::query("truncate graphile_worker._private_jobs cascade")
        .execute(pool)
        .await?;
    let length = match way {
        Way::Plain | Way::Sealed => ARGS,
        Way::PlainAsLong => sealed_length(hook)?,
    };
    let (utils, spec) = (worker.create_utils(), JobSpec::default());
    let letters = vec![(Letter::of_length(length), &spec); JOBS_PER_CALL];
    let begin = Instant::now();
    for _ in 0..JOBS / JOBS_PER_CALL {
        utils.add_jobs(&letters).await?;
    }
    worker.run_once().await?;
    let elapsed = begin.elapsed();
    let left: i64 = sqlx::query_scalar("select count(*) from graphile_worker._private_jobs")
        .fetch_one(pool)
        .await?;
    assert_eq!(left, 0, "all jobs are worked");
    Ok(elapsed)
}

async fn worker(pool: &PgPool, way: Way, hook: &EncryptHook) -> Result<Worker, Box<dyn Error>> {
    let options = WorkerOptions::default()
        .concurrency(8)
        .listen_os_shutdown_signals(false)
        .pg_pool(pool.clone());
    let options = match way {
        Way::Plain | Way::PlainAsLong => options.define_job::<Letter>(),
        Way::Sealed => EncryptPlugin::new(hook.clone())
            .job::<Letter>()
            .install(options),
    };
    Ok(options.init().await?)
}

/// How long the args are once they are sealed.
fn sealed_length(hook: &EncryptHook) -> Result<usize, Box<dyn Error>> {
    let mut args = serde_json::to_vec(&Letter::of_length(ARGS))?;
    hook.seal(&JobContext::new(Letter::IDENTIFIER), &mut args)?;
    Ok(args.len())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
