//! What rusty-sidekiq itself does with jobs, without anything of ours: the reproductions of
//! `docs/upstream/rusty-sidekiq.md`. Where one fails, it has been mended, and that page and the README of
//! this crate say too much.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jobcrypt_testkit::RedisServer;
use sidekiq::{Processor, RedisPool, Scheduled, Worker, WorkerOpts, periodic, periodic::Utc};
use tokio::sync::Notify;

use crate::bench::pool;

struct Fails;

#[async_trait]
impl Worker<u64> for Fails {
    fn opts() -> WorkerOpts<u64, Self> {
        WorkerOpts::new().unique_for(Duration::from_mins(1))
    }

    async fn perform(&self, _: u64) -> sidekiq::Result<()> {
        Err(sidekiq::Error::Message("declined".to_owned()))
    }
}

struct Panics;

#[async_trait]
impl Worker<u64> for Panics {
    async fn perform(&self, _: u64) -> sidekiq::Result<()> {
        panic!("declined")
    }
}

struct Hangs(Arc<Notify>);

#[async_trait]
impl Worker<u64> for Hangs {
    async fn perform(&self, _: u64) -> sidekiq::Result<()> {
        self.0.notify_one();
        std::future::pending().await
    }
}

struct Plain {
    redis: RedisPool,
    processor: Processor,
    _server: RedisServer,
}

impl Plain {
    async fn new() -> Self {
        let server = RedisServer::start(&std::env::temp_dir()).expect("a Redis server starts");
        let redis = pool(&server).await;
        let mut processor = Processor::new(redis.clone(), vec!["default".to_owned()]);
        processor.register(Fails);
        Self {
            redis,
            processor,
            _server: server,
        }
    }

    async fn list(&self, command: &str, key: &str) -> Vec<String> {
        let mut connection = self.redis.get().await.expect("the server answers");
        let mut call = sidekiq::redis_rs::cmd(command);
        call.arg(&[key, "0", "-1"]);
        let answer = call.query_async(connection.unnamespaced_borrow_mut()).await;
        answer.expect("the server answers")
    }

    async fn push(&self, job: &str) {
        let mut connection = self.redis.get().await.expect("the server answers");
        let pushed = connection.lpush("queue:default".to_owned(), job).await;
        pushed.expect("the server answers");
    }

    async fn is_empty(&self) -> bool {
        let mut left = self.list("LRANGE", "queue:default").await;
        for set in ["retry", "dead", "schedule"] {
            left.extend(self.list("ZRANGE", set).await);
        }
        left.is_empty()
    }
}

#[tokio::test]
async fn a_job_whose_json_it_cannot_read_is_lost() {
    let mut plain = Plain::new().await;
    // Legal in Ruby: nil, for no retries.
    plain
        .push(r#"{"class":"Fails","args":[1],"queue":"default","jid":"1","created_at":1.0,"retry":null}"#)
        .await;
    let worked = plain.processor.process_one_tick_once().await;
    assert!(worked.is_err());
    assert!(plain.is_empty().await);
}

#[tokio::test]
async fn a_panic_ends_the_task_that_works_and_loses_the_job() {
    let mut plain = Plain::new().await;
    plain.processor.register(Panics);
    let pushed = Panics::perform_async(&plain.redis, 1).await;
    pushed.expect("the server answers");
    let mut processor = plain.processor.clone();
    // As `Processor::run` does with each of its workers.
    let worker = tokio::spawn(async move { processor.process_one_tick_once().await.map(drop) });
    let ended = worker.await.expect_err("mended upstream: it goes on");
    assert!(ended.is_panic());
    assert!(plain.is_empty().await, "mended upstream: the job is kept");
}

#[tokio::test]
async fn a_job_whose_process_ends_meanwhile_is_lost() {
    let mut plain = Plain::new().await;
    let begun = Arc::new(Notify::new());
    plain.processor.register(Hangs(Arc::clone(&begun)));
    let pushed = Hangs::perform_async(&plain.redis, 1).await;
    pushed.expect("the server answers");
    let mut processor = plain.processor.clone();
    let worker = tokio::spawn(async move { processor.process_one_tick_once().await.map(drop) });
    begun.notified().await;
    // What is in Redis is what a process leaves behind that is killed now.
    assert!(plain.is_empty().await, "mended upstream: the job is kept");
    worker.abort();
}

#[tokio::test]
async fn keys_that_it_does_not_know_are_dropped_when_a_job_is_stored_again() {
    let mut plain = Plain::new().await;
    plain
        .push(r#"{"class":"Fails","args":[1],"queue":"default","jid":"1","created_at":1.0,"retry":true,"tags":["a"]}"#)
        .await;
    let worked = plain.processor.process_one_tick_once().await;
    worked.expect("the failure of a worker is no error");
    let retry = plain.list("ZRANGE", "retry").await;
    assert_eq!(retry.len(), 1);
    assert!(!retry[0].contains("tags"), "{retry:?}");
}

#[tokio::test]
async fn a_scheduled_job_that_it_cannot_read_is_lost_and_those_behind_it_wait() {
    let plain = Plain::new().await;
    let mut connection = plain.redis.get().await.expect("the server answers");
    for (job, due) in [
        ("{}", 1),
        (
            r#"{"class":"Fails","args":[1],"queue":"default","jid":"1","created_at":1.0,"retry":true}"#,
            2,
        ),
    ] {
        let added = connection.zadd("schedule".to_owned(), job, due).await;
        added.expect("the server answers");
    }
    let poller = Scheduled::new(plain.redis.clone());
    let moved = poller
        .enqueue_jobs(Utc::now(), &vec!["schedule".to_owned()])
        .await;
    assert!(moved.is_err());
    assert_eq!(plain.list("ZRANGE", "schedule").await.len(), 1);
    assert!(plain.list("LRANGE", "queue:default").await.is_empty());
}

#[tokio::test]
async fn a_job_that_could_not_be_stored_keeps_equal_ones_out() {
    let plain = Plain::new().await;
    let mut connection = plain.redis.get().await.expect("the server answers");
    // What keeps the job from being pushed.
    let set = connection.set_nx_ex("queue:default".to_owned(), "no list", 60);
    set.await.expect("the server answers");
    let failed = Fails::perform_async(&plain.redis, 1).await;
    failed.expect_err("no list takes the job");
    connection
        .del("queue:default".to_owned())
        .await
        .expect("the server answers");
    let pushed = Fails::perform_async(&plain.redis, 1).await;
    pushed.expect("the server answers");
    assert!(plain.is_empty().await, "mended upstream: it is stored");
}

#[tokio::test]
async fn scheduled_jobs_are_not_unique() {
    let plain = Plain::new().await;
    for _ in 0..2 {
        let scheduled = Fails::perform_in(&plain.redis, Duration::from_hours(1), 1).await;
        scheduled.expect("the server answers");
    }
    assert_eq!(plain.list("ZRANGE", "schedule").await.len(), 2);
}

#[tokio::test]
async fn a_periodic_job_with_other_args_is_registered_beside_the_first() {
    let mut plain = Plain::new().await;
    for args in [1_u64, 2] {
        let hourly = periodic::builder("0 0 * * * *").expect("it is sound");
        let hourly = hourly.name("hourly").args(args).expect("args are JSON");
        let registered = hourly.register(&mut plain.processor, Fails).await;
        registered.expect("the server answers");
    }
    assert_eq!(plain.list("ZRANGE", "periodic").await.len(), 2);
}

#[tokio::test]
async fn an_error_of_serde_quotes_args_in_the_retry_set() {
    let mut plain = Plain::new().await;
    plain
        .push(r#"{"class":"Fails","args":["4111111111111111"],"queue":"default","jid":"1","created_at":1.0,"retry":true}"#)
        .await;
    let worked = plain.processor.process_one_tick_once().await;
    worked.expect("the failure of a worker is no error");
    let retry: serde_json::Value =
        serde_json::from_str(&plain.list("ZRANGE", "retry").await[0]).expect("a job is JSON");
    let error = retry["error_message"].as_str().expect("the worker failed");
    assert!(error.contains("4111111111111111"), "{error}");
}

#[tokio::test]
async fn times_are_milliseconds_where_ruby_before_sidekiq_8_has_seconds() {
    let plain = Plain::new().await;
    let pushed = Fails::perform_async(&plain.redis, 1).await;
    pushed.expect("the server answers");
    let job: serde_json::Value =
        serde_json::from_str(&plain.list("LRANGE", "queue:default").await[0]).expect("JSON");
    assert!(job["created_at"].as_f64() > Some(1e12), "{job}");
}
