//! River with the plugin keeps what every queue must.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jobcrypt::{
    EncryptHook,
    ciphers::XChaCha20Poly1305,
    river::{EncryptPlugin, JobNote, RecordSealedOutput},
};
use jobcrypt_testkit::{Attempt, QueueUnderTest, StoredJob, Worker, queue_conformance};
use riverqueue::{
    BoxError, Client, Event, EventKind, InsertBatch, InsertOpts, Job, JobArgs, JobEvent,
    JobEventKind, QueueConfig, WorkContext, WorkOutcome, Workers, jiff::Timestamp,
};

use serde_json::value::RawValue;
use workbench::{
    ChargeCard, Database, RebuildIndex, SendInvoice, SyncMailbox, key, on_both_databases,
};

/// The kind and the args of each job that a worker got, by id.
type Seen = Arc<Mutex<HashMap<i64, (String, String)>>>;

struct River {
    database: Database,
    hook: EncryptHook,
    /// A client works whatever is due: these are the attempts that nobody has asked for yet.
    attempts: VecDeque<Attempt>,
}

impl River {
    fn new(database: Database, hook: EncryptHook) -> Self {
        let attempts = VecDeque::new();
        Self {
            database,
            hook,
            attempts,
        }
    }

    async fn insert(&self, jobs: &[(&str, &str)], opts: &InsertOpts) -> Result<Vec<i64>, BoxError> {
        let client = self
            .database
            .client()
            .plugin(EncryptPlugin::new(self.hook.clone()))
            .build()?;
        let mut batch = InsertBatch::new();
        for (kind, args) in jobs {
            let opts = opts.clone();
            match *kind {
                ChargeCard::KIND => batch.push_with(ChargeCard::new(args), opts),
                RebuildIndex::KIND => batch.push_with(RebuildIndex::new(args), opts),
                SendInvoice::KIND => batch.push_with(SendInvoice::new(args), opts),
                other => panic!("there is no type for {other}"),
            };
        }
        let inserted = client.insert_batch(batch).await?;
        Ok(inserted.iter().map(|inserted| inserted.job.id).collect())
    }

    /// Runs a client until it has tried each job that is due.
    async fn work_all(&mut self, worker: Worker) {
        let jobs = self.database.jobs().await;
        let due = jobs.iter().filter(|job| job.state == "available").count();
        if due == 0 {
            return;
        }
        let seen = Seen::default();
        let client = self.client(worker, &seen);
        let mut events = client
            .subscribe(&[
                EventKind::JobCompleted,
                EventKind::JobFailed,
                EventKind::JobSnoozed,
            ])
            .expect("events can be subscribed to");
        let mut run = client.start().expect("the client starts");
        while self.attempts.len() < due {
            let event = tokio::time::timeout(Duration::from_mins(1), events.recv()).await;
            let event = event.expect("a job is tried in time");
            if let Event::Job(event) = event.expect("events keep coming") {
                self.attempts.push_back(attempt(&event, &seen));
            }
        }
        run.stop().await.expect("the client stops");
    }

    fn client(&self, worker: Worker, seen: &Seen) -> Client {
        let mut workers = Workers::new();
        workers
            .add_fn(work(worker, seen, ChargeCard::json))
            .and_then(|workers| workers.add_fn(work(worker, seen, RebuildIndex::json)))
            .and_then(|workers| workers.add_fn(work(worker, seen, SendInvoice::json)))
            .and_then(|workers| workers.add_fn(work(worker, seen, |_: &SyncMailbox| "")))
            .expect("each kind is added once");
        self.database
            .client()
            .plugin(EncryptPlugin::new(self.hook.clone()))
            .workers(workers)
            .queue(
                "default",
                QueueConfig::new(8)
                    .with_fetch_cooldown(Duration::from_millis(10))
                    .with_fetch_poll_interval(Duration::from_millis(50)),
            )
            .build()
            .expect("the client is sound")
    }
}

fn work<A: JobArgs>(
    worker: Worker,
    seen: &Seen,
    json: impl Fn(&A) -> &str + Send + Sync + 'static,
) -> impl Fn(WorkContext, Job<A>) -> std::future::Ready<Result<WorkOutcome, io::Error>>
+ Send
+ Sync
+ 'static {
    let seen = Arc::clone(seen);
    move |context: WorkContext, job: Job<A>| {
        let saw = (A::KIND.to_owned(), json(&job.args).to_owned());
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(job.id(), saw);
        std::future::ready(match worker {
            Worker::Fails => Err(io::Error::other("told to fail")),
            Worker::Returns(output) => {
                let output: &RawValue = serde_json::from_str(output).expect("outputs are JSON");
                let recorded = context.record_sealed_output(output);
                recorded
                    .map(|()| WorkOutcome::Complete)
                    .map_err(io::Error::other)
            }
            Worker::Succeeds => Ok(WorkOutcome::Complete),
        })
    }
}

fn attempt(event: &JobEvent, seen: &Seen) -> Attempt {
    let seen = seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&event.job.id);
    match (seen, event.kind, JobNote::of(&event.job.metadata)) {
        (Some((kind, args)), JobEventKind::Completed | JobEventKind::Failed, _) => {
            Attempt::Worked { kind, args }
        }
        (None, JobEventKind::Snoozed, Some(JobNote::Waiting { .. })) => Attempt::Waits,
        (None, JobEventKind::Snoozed, Some(JobNote::Parked { .. })) => Attempt::Parked,
        (seen, event, note) => panic!("{event:?} with {note:?}, worked: {}", seen.is_some()),
    }
}

#[async_trait]
impl QueueUnderTest for River {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let ids = self.insert(&[(kind, args)], &InsertOpts::default()).await?;
        Ok(ids[0].to_string())
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        self.insert(jobs, &InsertOpts::default()).await?;
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let due = Timestamp::now() + Duration::from_hours(1);
        let opts = InsertOpts::default().with_scheduled_at(due);
        let ids = self.insert(&[(kind, args)], &opts).await?;
        Ok(ids[0].to_string())
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        self.database.plant(kind, args).await.to_string()
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let jobs = self.database.jobs().await.into_iter();
        jobs.filter(|job| job.state != "completed")
            .map(|job| StoredJob {
                id: job.id.to_string(),
                kind: job.kind,
                args: job.args,
            })
            .collect()
    }

    async fn stored_output(&mut self, id: &str) -> Option<String> {
        let id = id.parse().expect("River's ids are numbers");
        let job = self.database.job(id).await;
        Some(job.metadata.get("output")?.to_string())
    }

    async fn work_one(&mut self, worker: Worker) -> Attempt {
        if self.attempts.is_empty() {
            self.work_all(worker).await;
        }
        self.attempts.pop_front().unwrap_or(Attempt::Idle)
    }

    async fn make_due(&mut self) {
        self.database.make_due().await;
    }

    async fn put_back(&mut self) {
        let client = self.database.client().build().expect("it is sound");
        for job in self.database.jobs().await {
            if job.metadata["jobcrypt"]["parked"].is_object() {
                client.jobs().retry(job.id).await.expect("it is put back");
            }
        }
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        Some(self.database.dump())
    }
}

on_both_databases! {
    async fn it_keeps_what_jobcrypt_promises(database: Database) {
        let with_hook = async |hook| River::new(database.another().await, hook);
        let outcomes = queue_conformance::queue(|| XChaCha20Poly1305::new(key()), with_hook).await;
        outcomes.record(match database {
            Database::Postgres(_) => "River (PostgreSQL)",
            Database::Sqlite(..) => "River (SQLite)",
        });
    }
}
