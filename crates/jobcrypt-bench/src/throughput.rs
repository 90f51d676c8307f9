//! Jobs per second through River, enqueued and worked, with and without the plugin.

use std::{
    convert::Infallible,
    future::Ready,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jobcrypt::{
    EncryptHook, JobContext, Keyring, SecretKey, ciphers::XChaCha20Poly1305, river::EncryptPlugin,
};
use riverqueue::{BoxError, Job, JobArgs, QueueConfig, WorkContext, WorkOutcome, Workers};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Runtime, sync::Notify};

use crate::{river_database::RiverDatabase, rounds::Length, statistics::median};

/// What River does in a second on one database, in jobs.
pub(crate) struct Throughput {
    pub(crate) database: &'static str,
    pub(crate) without: f64,
    pub(crate) with: f64,
    /// With the plugin over without: the median of the ratios within each round.
    pub(crate) share: f64,
    /// With the plugin over plain args that are as long as the envelope: what its arithmetic costs, apart
    /// from the bytes that base64 adds to each row.
    pub(crate) share_of_as_long: f64,
}

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

/// Args of 1 KiB.
#[derive(Clone, Deserialize, JobArgs, Serialize)]
#[river(kind = "send_letter")]
struct Letter {
    to: String,
    text: String,
}

impl Letter {
    fn of_length(bytes: usize) -> Self {
        Self {
            to: "ada@example.com".to_owned(),
            text: "a".repeat(bytes - r#"{"to":"ada@example.com","text":""}"#.len()),
        }
    }
}

const ARGS: usize = 1024;
const JOBS_PER_INSERTION: usize = 100;

/// Measures on SQLite and on PostgreSQL. In each round every way has its turn, and each round begins with
/// another. A line is added to `left_out` where this machine has no PostgreSQL.
pub(crate) fn measure(length: Length, left_out: &mut Vec<String>) -> io::Result<Vec<Throughput>> {
    let mut databases = vec![RiverDatabase::sqlite()?];
    match RiverDatabase::postgres() {
        Ok(postgres) => databases.push(postgres),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            left_out.push(format!("River on PostgreSQL: {error}"));
        }
        Err(error) => return Err(error),
    }
    let runtime = Runtime::new()?;
    databases
        .iter()
        .map(|database| {
            runtime
                .block_on(measure_on(database, length))
                .map_err(io::Error::other)
        })
        .collect()
}

async fn measure_on(database: &RiverDatabase, length: Length) -> Result<Throughput, BoxError> {
    let ways = [Way::Plain, Way::Sealed, Way::PlainAsLong];
    let hook = hook()?;
    let mut rounds: [Vec<f64>; 3] = Default::default();
    for round in 0..=length.throughput_rounds {
        for turn in 0..ways.len() {
            let way = (round + turn) % ways.len();
            let jobs = length.throughput_jobs;
            let rate = jobs_per_second(database, ways[way], &hook, jobs).await?;
            // The first round warms up.
            if round > 0 {
                rounds[way].push(rate);
            }
        }
    }
    let [plain, sealed, as_long] = rounds;
    let nothing = "no round was measured";
    let share_of = |others: &[f64]| {
        let shares = sealed
            .iter()
            .zip(others)
            .map(|(sealed, other)| sealed / other);
        median(shares).ok_or(nothing)
    };
    Ok(Throughput {
        database: database.name(),
        share: share_of(&plain)?,
        share_of_as_long: share_of(&as_long)?,
        without: median(plain).ok_or(nothing)?,
        with: median(sealed).ok_or(nothing)?,
    })
}

fn hook() -> Result<EncryptHook, jobcrypt::Error> {
    let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    EncryptHook::builder(keyring).namespace("prod").build()
}

/// Enqueues and works so many jobs on an empty table.
async fn jobs_per_second(
    database: &RiverDatabase,
    way: Way,
    hook: &EncryptHook,
    jobs: usize,
) -> Result<f64, BoxError> {
    let client = database.client().await?;
    let (client, length) = match way {
        Way::Plain => (client, ARGS),
        Way::Sealed => (client.plugin(EncryptPlugin::new(hook.clone())), ARGS),
        Way::PlainAsLong => (client, sealed_length(hook)?),
    };
    let (done, all_done) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut workers = Workers::new();
    workers.add_fn(counting(Arc::clone(&done), Arc::clone(&all_done), jobs))?;
    let client = client
        .workers(workers)
        // River would rest between two fetches; here it is to be as busy as it can.
        .queue(
            "default",
            QueueConfig::new(200)
                .with_fetch_cooldown(Duration::from_millis(1))
                .with_fetch_poll_interval(Duration::from_millis(5)),
        )
        .build()?;
    let letters = vec![Letter::of_length(length); JOBS_PER_INSERTION];
    let start = Instant::now();
    for _ in 0..jobs / JOBS_PER_INSERTION {
        client.insert_many(letters.clone()).await?;
    }
    let mut run = client.start()?;
    all_done.notified().await;
    let elapsed = start.elapsed();
    run.stop().await?;
    #[allow(clippy::cast_precision_loss, reason = "some thousand jobs")]
    Ok(jobs as f64 / elapsed.as_secs_f64())
}

/// How long the args are once they are sealed.
fn sealed_length(hook: &EncryptHook) -> Result<usize, BoxError> {
    let mut args = serde_json::to_vec(&Letter::of_length(ARGS))?;
    hook.seal(&JobContext::new(Letter::KIND), &mut args)?;
    Ok(args.len())
}

/// A worker that does nothing but count.
fn counting(
    done: Arc<AtomicUsize>,
    all_done: Arc<Notify>,
    jobs: usize,
) -> impl Fn(WorkContext, Job<Letter>) -> Ready<Result<WorkOutcome, Infallible>> + Send + Sync + 'static
{
    move |_, _: Job<Letter>| {
        if done.fetch_add(1, Ordering::Relaxed) + 1 == jobs {
            all_done.notify_one();
        }
        std::future::ready(Ok(WorkOutcome::Complete))
    }
}
