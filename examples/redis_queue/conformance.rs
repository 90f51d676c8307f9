use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use jobcrypt::{
    EncryptHook, Keyring, SecretKey,
    ciphers::XChaCha20Poly1305,
    tower::{DecryptLayer, EncryptLayer},
};
use jobcrypt_testkit::{
    Attempt, QueueUnderTest, RedisServer, StoredJob, Worker, queue_conformance,
};
use redis::{AsyncCommands, Script};
use serde::Deserialize;
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::{Failed, Job},
    queue::{PARKED, Queue, SCHEDULED, STREAM},
};

struct Encrypted {
    queue: Queue,
    hook: EncryptHook,
    server: RedisServer,
}

/// A scheduled job, as `store.lua` writes it.
#[derive(Deserialize)]
struct Scheduled {
    id: String,
    kind: String,
    args: String,
}

impl Encrypted {
    async fn new(hook: EncryptHook) -> Self {
        let server = RedisServer::start(&std::env::temp_dir()).expect("a Redis server starts");
        let queue = Queue::open(&server.url()).await;
        Self {
            queue: queue.expect("the server accepts connections"),
            hook,
            server,
        }
    }

    async fn store(&self, jobs: Vec<Job>) -> Result<Vec<String>, BoxError> {
        let store = ServiceBuilder::new()
            .layer(EncryptLayer::new(self.hook.clone()))
            .service(self.queue.store());
        store.oneshot(jobs).await
    }
}

#[async_trait]
impl QueueUnderTest for Encrypted {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        Ok(self.store(vec![Job::new(kind, args)]).await?.remove(0))
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
        Ok(self.store(vec![job]).await?.remove(0))
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        let ids = self.queue.store().oneshot(vec![Job::new(kind, args)]).await;
        ids.expect("the stream takes it").remove(0)
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let connection = &mut self.queue.connection;
        let entries: Vec<(String, HashMap<String, String>)> = redis::cmd("XRANGE")
            .arg(&[STREAM, "-", "+"])
            .query_async(connection)
            .await
            .expect("the stream can be read");
        let in_stream = entries.into_iter().map(|(id, mut fields)| StoredJob {
            id,
            kind: fields.remove("kind").expect("a job has a kind"),
            args: fields.remove("args").expect("a job has args"),
        });
        let scheduled: Vec<String> = connection
            .zrange(SCHEDULED, 0, -1)
            .await
            .expect("the set can be read");
        let scheduled = scheduled.into_iter().map(|job| {
            let job: Scheduled = serde_json::from_str(&job).expect("a script wrote it");
            let Scheduled { id, kind, args } = job;
            StoredJob { id, kind, args }
        });
        in_stream.chain(scheduled).collect()
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
        const MAKE_DUE: &str = "
            for _, job in ipairs(redis.call('XPENDING', KEYS[1], 'workers', '-', '+', 1000)) do
                redis.call('XCLAIM', KEYS[1], 'workers', job[2], 0, job[1], 'IDLE', 3600000, 'JUSTID')
            end
            for _, job in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
                redis.call('ZADD', KEYS[2], 0, job)
            end";
        let script = Script::new(MAKE_DUE);
        let call = script.key(&[STREAM, SCHEDULED]);
        let done: Result<(), _> = call.invoke_async(&mut self.queue.connection).await;
        done.expect("the server runs it");
    }

    async fn put_back(&mut self) {
        let put_back = self.queue.put_back().await;
        put_back.expect("the server answers");
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        Some(self.server.dump().expect("the server dumps what it holds"))
    }
}

fn new_key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"))
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    let outcomes = queue_conformance::queue(new_key, Encrypted::new).await;
    outcomes.record("Redis Streams");
}

#[tokio::test]
async fn why_a_job_is_parked_stands_beside_it_without_its_args() {
    let keyring = Keyring::new(new_key()).build();
    let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
    let mut encrypted = Encrypted::new(hook.expect("the hook is sound")).await;
    let id = encrypted
        .plant("charge_card", r#"{"river_encrypt":"canary-4711"}"#)
        .await;
    assert_eq!(encrypted.work_one(Worker::Succeeds).await, Attempt::Parked);
    let reason: String = encrypted
        .queue
        .connection
        .hget(PARKED, id)
        .await
        .expect("the reason is there");
    assert!(reason.contains(r#"job kind "charge_card""#), "{reason}");
    assert!(!reason.contains("canary"), "{reason}");
}

#[tokio::test]
async fn a_kind_may_have_any_characters() {
    let keyring = Keyring::new(new_key()).build();
    let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
    let mut encrypted = Encrypted::new(hook.expect("the hook is sound")).await;
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
