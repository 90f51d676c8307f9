use std::{
    env,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jobcrypt::{
    EncryptHook, Keyring, SecretKey,
    ciphers::XChaCha20Poly1305,
    tower::{DecryptLayer, EncryptLayer},
};
use jobcrypt_testkit::{
    Attempt, QueueUnderTest, RabbitMqServer, StoredJob, Worker, queue_conformance,
};
use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::{Failed, Job},
    queue::{DELAY, Queue, job},
};

/// It takes seconds to start. The end of the program stops it.
static SERVER: LazyLock<RabbitMqServer> =
    LazyLock::new(|| RabbitMqServer::start(&env::temp_dir()).expect("a RabbitMQ server starts"));

const HOUR: Duration = Duration::from_hours(1);

struct Encrypted {
    queue: Queue,
    hook: EncryptHook,
}

impl Encrypted {
    async fn new(hook: EncryptHook) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("jobs-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let queue = Queue::open(&SERVER.url(), &name).await;
        let queue = queue.expect("the server accepts connections");
        for delay in [DELAY, HOUR] {
            let made = queue.declare_delay(delay).await;
            made.expect("the server makes a queue");
        }
        Self { queue, hook }
    }

    async fn store(&self, jobs: Vec<Job>) -> Result<Vec<String>, BoxError> {
        let store = ServiceBuilder::new()
            .layer(EncryptLayer::new(self.hook.clone()))
            .service(self.queue.store());
        store.oneshot(jobs).await
    }

    /// Takes all that is in a queue, without an acknowledgement.
    async fn take(&self, name: &str) -> Vec<Delivery> {
        let mut taken = Vec::new();
        loop {
            let get = self
                .queue
                .channel
                .basic_get(name.into(), BasicGetOptions::default());
            match get.await.expect("the server answers") {
                Some(message) => taken.push(message.delivery),
                None => return taken,
            }
        }
    }

    async fn look_at(&self, name: &str) -> Vec<StoredJob> {
        let messages = self.take(name).await;
        let put_back = BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        };
        for message in &messages {
            message.nack(put_back).await.expect("the server answers");
        }
        messages.iter().map(stored_job).collect()
    }

    async fn count_parked(&self) -> u32 {
        let look = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let name = self.queue.parked();
        let parked = self
            .queue
            .channel
            .queue_declare(name.into(), look, FieldTable::default());
        parked.await.expect("the queue is there").message_count()
    }

    /// The server answers before it has moved a job that was refused.
    async fn wait_until_parked(&self, count: u32) {
        let moved = async { while self.count_parked().await < count {} };
        let moved = tokio::time::timeout(Duration::from_mins(1), moved).await;
        moved.expect("the server moves what was refused");
    }
}

fn stored_job(message: &Delivery) -> StoredJob {
    let Job { id, kind, args, .. } = job(message);
    let args = String::from_utf8(args).expect("args are text here");
    StoredJob { id, kind, args }
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
            delay: HOUR,
            ..Job::new(kind, args)
        };
        Ok(self.store(vec![job]).await?.remove(0))
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        let ids = self.queue.store().oneshot(vec![Job::new(kind, args)]).await;
        ids.expect("the queue takes it").remove(0)
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let mut stored = Vec::new();
        for name in [
            self.queue.jobs.clone(),
            self.queue.parked(),
            self.queue.delayed(DELAY),
            self.queue.delayed(HOUR),
        ] {
            stored.extend(self.look_at(&name).await);
        }
        stored.sort_by(|one, other| one.id.cmp(&other.id));
        stored
    }

    async fn work_one(&mut self, worker: Worker) -> Attempt {
        let parked = self.count_parked().await;
        let mut seen = None;
        let mut work = ServiceBuilder::new()
            .layer(DecryptLayer::new(self.hook.clone()))
            .service_fn(|job: Job| {
                let args = String::from_utf8(job.args);
                seen = Some((job.kind, args.expect("args are text here")));
                std::future::ready(match worker {
                    Worker::Fails => Err(Failed::TryLater),
                    Worker::Returns(_) | Worker::Succeeds => Ok(()),
                })
            });
        let result = self.queue.work_one(&mut work).await;
        match (seen, result.expect("the server answers")) {
            (Some((kind, args)), _) => Attempt::Worked { kind, args },
            (None, Some(Err(Failed::TryLater))) => Attempt::Waits,
            (None, Some(Err(Failed::Park(_)))) => {
                self.wait_until_parked(parked + 1).await;
                Attempt::Parked
            }
            (None, None) => Attempt::Idle,
            (None, Some(Ok(()))) => panic!("no worker saw the job"),
        }
    }

    async fn make_due(&mut self) {
        for delay in [DELAY, HOUR] {
            for message in self.take(&self.queue.delayed(delay)).await {
                let properties = message.properties.clone();
                let due = self
                    .queue
                    .publish(&self.queue.jobs, &message.data, properties);
                due.await.expect("the server takes it");
                let ack = message.ack(BasicAckOptions::default()).await;
                ack.expect("the server answers");
            }
        }
    }

    async fn put_back(&mut self) {
        let put_back = self.queue.put_back().await;
        put_back.expect("the server answers");
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        Some(SERVER.dump().expect("its files can be read"))
    }
}

fn new_key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"))
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    let outcomes = Box::pin(queue_conformance::queue(new_key, Encrypted::new)).await;
    outcomes.record("RabbitMQ");
}

/// Nobody stands for time here: the server itself makes due what waits, and dead-letters what is refused.
#[tokio::test]
async fn a_job_is_due_when_its_time_has_come() {
    let keyring = Keyring::new(new_key()).build();
    let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
    let mut encrypted = Encrypted::new(hook.expect("the hook is sound")).await;
    let job = Job {
        delay: Duration::from_millis(50),
        ..Job::new("charge_card", "{}")
    };
    encrypted
        .store(vec![job])
        .await
        .expect("a sound job is stored");
    let worked = async {
        loop {
            match encrypted.work_one(Worker::Succeeds).await {
                Attempt::Idle => {}
                attempt => return attempt,
            }
        }
    };
    let worked = tokio::time::timeout(Duration::from_mins(1), worked).await;
    assert!(matches!(worked, Ok(Attempt::Worked { .. })), "{worked:?}");
}

#[tokio::test]
async fn a_kind_that_is_too_long_for_a_message_is_an_error_and_others_are_not() {
    let keyring = Keyring::new(new_key()).build();
    let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
    let mut encrypted = Encrypted::new(hook.expect("the hook is sound")).await;
    let too_long = "k".repeat(256);
    let refused = encrypted.enqueue(&too_long, "{}").await;
    refused.expect_err("a type has 255 bytes at most");
    assert_eq!(encrypted.stored().await, []);
    for kind in ["", "Überweisung: \"an\" 100 %/{x}*\n"] {
        encrypted.enqueue(kind, "{}").await.expect("it is stored");
        let attempt = encrypted.work_one(Worker::Succeeds).await;
        let (kind, args) = (kind.to_owned(), "{}".to_owned());
        assert_eq!(attempt, Attempt::Worked { kind, args });
    }
}
