use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jobcrypt::{EncryptHook, river::EncryptPlugin};
use riverqueue::{
    BoxError, Client, Job, JobArgs, QueueConfig, RunHandle, WorkContext, WorkOutcome, Workers,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle};

use crate::stored_jobs::stored_table::StoredTable;

/// A River client that enqueues and works jobs as fast as it can.
pub(crate) struct Fleet {
    worked: Arc<AtomicU64>,
    run: RunHandle,
    is_over: watch::Sender<bool>,
    enqueuing: JoinHandle<Result<(), BoxError>>,
}

#[derive(Clone, Deserialize, JobArgs, Serialize)]
#[river(kind = "charge_card")]
struct ChargeCard {
    pan: String,
}

/// So many jobs are kept waiting, so that no worker is ever idle.
const WAITING: u64 = 2000;
const JOBS_PER_INSERTION: usize = 200;

impl Fleet {
    pub(crate) async fn start(table: &StoredTable, hook: &EncryptHook) -> Result<Self, BoxError> {
        let worked = Arc::new(AtomicU64::new(0));
        let mut workers = Workers::new();
        workers.add_fn(counting(Arc::clone(&worked)))?;
        let client = Client::builder(table.pool.clone())
            .plugin(EncryptPlugin::new(hook.clone()))
            .workers(workers)
            .queue(
                "default",
                QueueConfig::new(100)
                    .with_fetch_cooldown(Duration::from_millis(1))
                    .with_fetch_poll_interval(Duration::from_millis(5)),
            )
            .build()?;
        let (is_over, over) = watch::channel(false);
        let run = client.start()?;
        let done = Arc::clone(&worked);
        let enqueuing = tokio::spawn(async move {
            let pan = "4111111111111111".to_owned();
            let batch = vec![ChargeCard { pan }; JOBS_PER_INSERTION];
            let mut enqueued = 0;
            while !*over.borrow() {
                if enqueued > done.load(Ordering::Relaxed) + WAITING {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    continue;
                }
                client.insert_many(batch.clone()).await?;
                enqueued += JOBS_PER_INSERTION as u64;
            }
            Ok(())
        });
        let fleet = Self {
            worked,
            run,
            is_over,
            enqueuing,
        };
        // Until all is warm.
        fleet.rate_for(Duration::from_secs(1)).await?;
        Ok(fleet)
    }

    /// Returns how many jobs a second are worked within the time that comes.
    pub(crate) async fn rate_for(&self, time: Duration) -> Result<f64, BoxError> {
        let (before, begin) = (self.worked.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(time).await;
        let worked = self.worked.load(Ordering::Relaxed) - before;
        if worked == 0 {
            return Err("no job was worked".into());
        }
        #[allow(clippy::cast_precision_loss, reason = "some thousand jobs")]
        Ok(worked as f64 / begin.elapsed().as_secs_f64())
    }

    pub(crate) async fn stop(mut self) -> Result<(), BoxError> {
        self.is_over.send_replace(true);
        self.enqueuing.await??;
        self.run.stop().await?;
        Ok(())
    }
}

fn counting(
    worked: Arc<AtomicU64>,
) -> impl Fn(WorkContext, Job<ChargeCard>) -> Ready<Result<WorkOutcome, Infallible>>
+ Send
+ Sync
+ 'static {
    move |_, job: Job<ChargeCard>| {
        std::hint::black_box(&job.args.pan);
        worked.fetch_add(1, Ordering::Relaxed);
        ready(Ok(WorkOutcome::Complete))
    }
}
