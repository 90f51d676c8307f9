//! One producer and two workers share a queue on PostgreSQL while the key is rotated:
//! `cargo run --example postgres_rotation -- postgres://postgres@localhost/postgres`.

mod job;
mod queue;
#[path = "../rotation/rotation.rs"]
mod rotation;

use std::{
    process::{self, ExitCode},
    time::Duration,
};

use jobcrypt::{
    EncryptHook,
    tower::{DecryptLayer, EncryptLayer},
};
use rotation::{Attempt, SharedQueue};
use sqlx::PgPool;
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::{Failed, Job},
    queue::Queue,
};

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    Box::pin(rotation::main::<Queue>(of_the_tests)).await
}

/// The server that `cargo xtask test` starts, and a schema in it.
async fn of_the_tests() -> Result<String, BoxError> {
    let url = std::env::var("JOBCRYPT_TEST_POSTGRES")
        .map_err(|_| "say which database: cargo run --example postgres_rotation -- URL")?;
    let schema = format!("postgres_rotation_{}", process::id());
    let pool = PgPool::connect(&url).await?;
    let create = format!("create schema {schema}");
    sqlx::query(sqlx::AssertSqlSafe(create))
        .execute(&pool)
        .await?;
    Ok(format!("{url}?options[search_path]={schema}"))
}

impl SharedQueue for Queue {
    async fn open(url: &str) -> Result<Self, BoxError> {
        let queue = Queue::open(PgPool::connect(url).await?).await?;
        Ok(Self {
            retry_after: Duration::from_millis(200),
            ..queue
        })
    }

    async fn enqueue(&mut self, hook: &EncryptHook, number: usize) -> Result<(), BoxError> {
        let store = ServiceBuilder::new()
            .layer(EncryptLayer::new(hook.clone()))
            .service(self.store());
        let job = Job::new("count", &number.to_string());
        store.oneshot(vec![job]).await?;
        Ok(())
    }

    async fn work_one(&mut self, hook: &EncryptHook) -> Result<Option<Attempt>, BoxError> {
        let mut number = None;
        let mut work = ServiceBuilder::new()
            .layer(DecryptLayer::new(hook.clone()))
            .service_fn(|job: Job| {
                number = job.args.parse().ok();
                std::future::ready(Ok::<_, Failed>(()))
            });
        let result = Queue::work_one(self, &mut work).await?;
        Ok(match (result, number) {
            (None, _) => None,
            (Some(Ok(())), Some(number)) => Some(Attempt::Worked(number)),
            (Some(Ok(())), None) => return Err("a job has no number".into()),
            (Some(Err(Failed::TryLater)), _) => Some(Attempt::Delayed),
            (Some(Err(Failed::Park(reason))), _) => Some(Attempt::Parked(reason)),
        })
    }
}
