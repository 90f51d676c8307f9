//! graphile_worker with the plugin keeps what every queue must.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, RawJobSpec, TaskHandler, Worker, WorkerContext, WorkerOptions,
    WorkerUtils,
};
use jobcrypt_core::EncryptHook;
use jobcrypt_graphile_worker::EncryptPlugin;
use jobcrypt_testkit::{
    Attempt, Behaviour, PostgresPrograms, QueueUnderTest, StoredJob, Worker as Told,
    queue_conformance,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgPool, Row};

use crate::bed::{cipher, database, later, put_back};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the handlers got, by id, and what they are told to do.
#[derive(Clone, Debug, Default)]
struct Handled {
    got: Arc<Mutex<HashMap<i64, (String, String)>>>,
    fails: Arc<Mutex<bool>>,
}

impl Handled {
    fn by(context: &WorkerContext) -> Result<(), &'static str> {
        let handled = context.get_ext::<Self>().expect("it is installed");
        let job = context.job();
        let got = (job.task_identifier().clone(), context.payload().to_string());
        let mut all = handled.got.lock().expect("nobody panics with it");
        all.insert(*job.id(), got);
        if *handled.fails.lock().expect("nobody panics with it") {
            return Err("told to fail");
        }
        Ok(())
    }
}

macro_rules! handlers {
    ($($handler:ident $kind:literal),+) => {
        $(
            /// Any JSON.
            #[derive(Deserialize, Serialize)]
            #[serde(transparent)]
            struct $handler(Value);

            impl TaskHandler for $handler {
                const IDENTIFIER: &'static str = $kind;

                async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
                    Handled::by(&context)
                }
            }
        )+

        fn plugin(hook: EncryptHook) -> EncryptPlugin {
            EncryptPlugin::new(hook)$(.job::<$handler>())+
        }
    };
}

handlers!(
    ChargeCard "charge_card",
    SendInvoice "send_invoice",
    RebuildIndex "rebuild_index",
    SyncMailbox "sync_mailbox"
);

struct Graphile {
    pool: PgPool,
    url: String,
    worker: Worker,
    utils: WorkerUtils,
    handled: Handled,
    /// A worker runs whatever is due: these are the attempts that nobody has asked for yet.
    attempts: VecDeque<Attempt>,
}

impl Graphile {
    async fn new(hook: EncryptHook) -> Self {
        let url = database().await;
        let pool = PgPool::connect(&url).await.expect("it lets us in");
        let handled = Handled::default();
        let worker = plugin(hook)
            .install(WorkerOptions::default())
            .add_extension(handled.clone())
            .listen_os_shutdown_signals(false)
            .pg_pool(pool.clone())
            .init()
            .await
            .expect("the worker is sound");
        let utils = worker.create_utils();
        Self {
            pool,
            url,
            worker,
            utils,
            handled,
            attempts: VecDeque::new(),
        }
    }

    async fn work_all(&mut self, told: Told) {
        const DUE: &str = "select id from graphile_worker._private_jobs
            where is_available and run_at <= now() order by priority, run_at, id";
        *self.handled.fails.lock().expect("nobody panics with it") = told == Told::Fails;
        let due: Vec<i64> = sqlx::query_scalar(DUE)
            .fetch_all(&self.pool)
            .await
            .expect("the table is there");
        self.worker.run_once().await.expect("the worker lives on");
        for id in due {
            let got = self
                .handled
                .got
                .lock()
                .expect("nobody panics with it")
                .remove(&id);
            let attempt = match got {
                Some((kind, args)) => Attempt::Worked { kind, args },
                None => self.refusal(id).await,
            };
            self.attempts.push_back(attempt);
        }
    }

    async fn refusal(&self, id: i64) -> Attempt {
        let error: String = sqlx::query_scalar(
            "select last_error from graphile_worker._private_jobs where id = $1",
        )
        .bind(id)
        .fetch_one(&self.pool)
        .await
        .expect("a job that was not worked is there, and says why");
        if error.starts_with("jobcrypt: parked; ") {
            return Attempt::Parked;
        }
        assert!(error.starts_with("jobcrypt: waits, "), "{error}");
        Attempt::Waits
    }
}

fn json(args: &str) -> Value {
    serde_json::from_str(args).expect("args are JSON here")
}

#[async_trait]
impl QueueUnderTest for Graphile {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let added = self.utils.add_raw_job(kind, json(args), JobSpec::default());
        Ok(added.await?.id().to_string())
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        let jobs: Vec<_> = jobs
            .iter()
            .map(|(kind, args)| RawJobSpec {
                identifier: (*kind).to_owned(),
                payload: json(args),
                spec: JobSpec::default(),
            })
            .collect();
        self.utils.add_raw_jobs(&jobs).await?;
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let added = self.utils.add_raw_job(kind, json(args), later());
        Ok(added.await?.id().to_string())
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        sqlx::query_scalar("select (graphile_worker.add_job($1, $2::json)).id::text")
            .bind(kind)
            .bind(args)
            .fetch_one(&self.pool)
            .await
            .expect("it is stored")
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        const STORED: &str = "select jobs.id::text, tasks.identifier, jobs.payload::text
            from graphile_worker._private_jobs as jobs
            join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id order by jobs.id";
        let rows = sqlx::query(STORED).fetch_all(&self.pool).await;
        rows.expect("the table is there")
            .iter()
            .map(|row| StoredJob {
                id: row.get(0),
                kind: row.get(1),
                args: row.get(2),
            })
            .collect()
    }

    async fn work_one(&mut self, worker: Told) -> Attempt {
        if self.attempts.is_empty() {
            self.work_all(worker).await;
        }
        self.attempts.pop_front().unwrap_or(Attempt::Idle)
    }

    async fn make_due(&mut self) {
        const MAKE_DUE: &str = "update graphile_worker._private_jobs set run_at = now()
            where run_at < now() + interval '1 year'";
        let done = sqlx::query(MAKE_DUE).execute(&self.pool).await;
        done.expect("it runs");
    }

    async fn put_back(&mut self) {
        put_back(&self.pool).await;
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        let programs = PostgresPrograms::find().expect("a server is running");
        Some(programs.dump(&self.url, None).expect("pg_dump dumps it"))
    }

    fn cannot(&self, behaviour: Behaviour) -> Option<&'static str> {
        let is_exact = behaviour == Behaviour::ExactBytes;
        is_exact.then_some("graphile_worker parses args before any hook sees them")
    }
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    let outcomes = Box::pin(queue_conformance::queue(cipher, Graphile::new)).await;
    outcomes.record("graphile_worker");
}
