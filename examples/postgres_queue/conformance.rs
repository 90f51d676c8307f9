use std::{
    process,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use jobcrypt::{
    EncryptHook, JobContext, Keyring, Policy, SecretKey,
    ciphers::XChaCha20Poly1305,
    tower::{DecryptLayer, EncryptLayer},
};
use jobcrypt_testkit::{
    Attempt, Behaviour, PostgresPrograms, QueueUnderTest, StoredJob, Worker, queue_conformance,
};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::{Failed, Job},
    queue::Queue,
};

struct Encrypted {
    queue: Queue,
    hook: EncryptHook,
}

fn url() -> String {
    std::env::var("JOBCRYPT_TEST_POSTGRES").expect(
        "JOBCRYPT_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, which starts a server",
    )
}

/// An empty queue in a schema of its own.
async fn new_queue() -> Queue {
    static COUNT: AtomicU32 = AtomicU32::new(0);

    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let schema = format!("postgres_queue_{}_{count}", process::id());
    let options = PgConnectOptions::from_str(&url()).expect("it is a URL");
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .connect_with(options.options([("search_path", &schema)]))
        .await
        .expect("the throwaway PostgreSQL server accepts connections");
    sqlx::query(AssertSqlSafe(format!("create schema {schema}")))
        .execute(&pool)
        .await
        .expect("the server makes a schema");
    Queue::open(pool).await.expect("the table is made")
}

async fn run(pool: &PgPool, sql: &'static str) {
    let done = sqlx::query(sql).execute(pool).await;
    done.expect("the table can be changed");
}

impl Encrypted {
    async fn store(&self, jobs: Vec<Job>) -> Result<Vec<i64>, BoxError> {
        let store = ServiceBuilder::new()
            .layer(EncryptLayer::new(self.hook.clone()))
            .service(self.queue.store());
        store.oneshot(jobs).await
    }
}

fn first(ids: &[i64]) -> String {
    ids.first().expect("a job was stored").to_string()
}

#[async_trait]
impl QueueUnderTest for Encrypted {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        Ok(first(&self.store(vec![Job::new(kind, args)]).await?))
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        let jobs = jobs.iter().map(|(kind, args)| Job::new(kind, args));
        self.store(jobs.collect()).await?;
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let job = Job {
            delay: Duration::from_hours(1),
            ..Job::new(kind, args)
        };
        Ok(first(&self.store(vec![job]).await?))
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        let ids = self.queue.store().oneshot(vec![Job::new(kind, args)]).await;
        first(&ids.expect("the table takes it"))
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let rows: Result<Vec<(String, String, String)>, _> =
            sqlx::query_as("select id::text, kind, args::text from job order by job.id")
                .fetch_all(&self.queue.pool)
                .await;
        rows.expect("the table can be read")
            .into_iter()
            .map(|(id, kind, args)| StoredJob { id, kind, args })
            .collect()
    }

    async fn work_one(&mut self, worker: Worker) -> Attempt {
        let mut seen = None;
        let mut work = ServiceBuilder::new()
            .layer(DecryptLayer::new(self.hook.clone()))
            .service_fn(|job: Job| {
                seen = Some((job.kind, job.args));
                std::future::ready(match worker {
                    Worker::Fails => Err(Failed::TryLater),
                    Worker::Returns(_) | Worker::Succeeds => Ok(()),
                })
            });
        let result = self.queue.work_one(&mut work).await;
        match (seen, result.expect("the server answers")) {
            (Some((kind, args)), _) => Attempt::Worked { kind, args },
            (None, Some(Err(Failed::TryLater))) => Attempt::Waits,
            (None, Some(Err(Failed::Park(_)))) => Attempt::Parked,
            (None, None) => Attempt::Idle,
            (None, Some(Ok(()))) => panic!("no worker saw the job"),
        }
    }

    async fn make_due(&mut self) {
        run(&self.queue.pool, "update job set due = now()").await;
    }

    async fn put_back(&mut self) {
        let put_back = self.queue.put_back().await;
        put_back.expect("the server answers");
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        let schema: String = sqlx::query_scalar("select current_schema()::text")
            .fetch_one(&self.queue.pool)
            .await
            .expect("the server answers");
        let programs = PostgresPrograms::find().expect("a server is running");
        Some(
            programs
                .dump(&url(), Some(&schema))
                .expect("pg_dump dumps it"),
        )
    }
}

fn new_key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"))
}

fn new_hook() -> EncryptHook {
    let keyring = Keyring::new(new_key()).build();
    let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
    hook.expect("the hook is sound")
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    let with_hook = async |hook| Encrypted {
        queue: new_queue().await,
        hook,
    };
    let outcomes = queue_conformance::queue(new_key, with_hook).await;
    outcomes.record("PostgreSQL by SQL");
}

/// The search of the dump finds what it is for.
#[tokio::test]
#[should_panic(expected = "a dump of the store holds the args of a job that failed, as it is")]
async fn where_sealing_is_switched_off_the_dump_holds_args() {
    let with_hook = async |hook: EncryptHook| Encrypted {
        queue: new_queue().await,
        hook: EncryptHook::builder(hook.keys().clone())
            .default_policy(Policy::readable())
            .build()
            .expect("the hook is sound"),
    };
    queue_conformance::one(Behaviour::Dump, new_key, with_hook).await;
}

#[tokio::test]
async fn two_workers_never_get_the_same_job() {
    let mut encrypted = Encrypted {
        queue: new_queue().await,
        hook: new_hook(),
    };
    let jobs = [("charge_card", "1"), ("charge_card", "2")];
    encrypted.enqueue_batch(&jobs).await.expect("it is stored");

    let (queue, hook) = (encrypted.queue.clone(), encrypted.hook.clone());
    let mut first_worker = ServiceBuilder::new()
        .layer(DecryptLayer::new(hook.clone()))
        .service_fn(|first: Job| {
            let (queue, hook) = (queue.clone(), hook.clone());
            async move {
                let mut second_worker = ServiceBuilder::new()
                    .layer(DecryptLayer::new(hook))
                    .service_fn(|second: Job| {
                        assert_eq!((&*first.args, &*second.args), ("1", "2"));
                        std::future::ready(Ok::<_, Failed>(()))
                    });
                let result = queue.work_one(&mut second_worker).await;
                result.expect("the server answers").expect("a job is due")
            }
        });
    let result = encrypted.queue.work_one(&mut first_worker).await;
    assert_eq!(result.expect("the server answers"), Some(Ok(())));
    assert_eq!(encrypted.stored().await, [], "both are done");
}

#[tokio::test]
async fn why_a_job_is_parked_stands_beside_it_without_its_args() {
    let mut encrypted = Encrypted {
        queue: new_queue().await,
        hook: new_hook(),
    };
    let token = encrypted
        .hook
        .seal_bytes(&JobContext::new("send_invoice"), br#""canary-4711""#);
    let token = token.expect("it seals").expect("all kinds are sealed");
    let token = String::from_utf8(token).expect("an envelope is JSON");
    encrypted.plant("charge_card", &token).await;
    assert_eq!(encrypted.work_one(Worker::Succeeds).await, Attempt::Parked);
    let reason: String = sqlx::query_scalar("select parked from job")
        .fetch_one(&encrypted.queue.pool)
        .await
        .expect("the table can be read");
    assert!(reason.contains(r#"job kind "charge_card""#), "{reason}");
    assert!(
        !reason.contains("canary") && !reason.contains("jc1."),
        "{reason}"
    );
}

#[tokio::test]
async fn a_kind_may_have_any_characters() {
    let mut encrypted = Encrypted {
        queue: new_queue().await,
        hook: new_hook(),
    };
    for kind in ["", "Überweisung: \"an\" 100 %/{x}*'; --"] {
        encrypted.enqueue(kind, "{}").await.expect("it is stored");
        encrypted.schedule(kind, "{}").await.expect("it is stored");
        encrypted.make_due().await;
        for _ in 0..2 {
            let attempt = encrypted.work_one(Worker::Succeeds).await;
            let (kind, args) = (kind.to_owned(), "{}".to_owned());
            assert_eq!(attempt, Attempt::Worked { kind, args });
        }
    }
}
