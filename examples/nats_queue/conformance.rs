use std::time::{Duration, SystemTime};

use async_nats::jetstream::{message::StreamMessage, stream::Stream};
use async_trait::async_trait;
use jobcrypt::{
    EncryptHook, Keyring, SecretKey,
    ciphers::XChaCha20Poly1305,
    tower::{DecryptLayer, EncryptLayer},
};
use jobcrypt_testkit::{
    Attempt, Behaviour, NatsServer, QueueUnderTest, StoredJob, Worker, queue_conformance,
};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::{Failed, Job},
    queue::{JOB, PARKED, Queue, REASON},
};

struct Encrypted {
    queue: Queue,
    hook: EncryptHook,
    now: SystemTime,
    server: NatsServer,
}

const HOUR: Duration = Duration::from_hours(1);

impl Encrypted {
    async fn new(hook: EncryptHook) -> Self {
        let server = NatsServer::start(&std::env::temp_dir()).expect("a NATS server starts");
        let queue = Queue::open(server.url()).await;
        Self {
            queue: queue.expect("the server accepts connections"),
            hook,
            now: SystemTime::now(),
            server,
        }
    }

    async fn store(&self, jobs: Vec<Job>) -> Result<Vec<u64>, BoxError> {
        let store = ServiceBuilder::new()
            .layer(EncryptLayer::new(self.hook.clone()))
            .service(self.queue.store());
        store.oneshot(jobs).await
    }

    async fn parked(&self) -> Vec<StreamMessage> {
        let stream = self.queue.context.get_stream(PARKED).await;
        messages(&stream.expect("the queue made it")).await
    }
}

async fn messages(stream: &Stream) -> Vec<StreamMessage> {
    let state = stream.get_info().await.expect("the server answers").state;
    let mut messages = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        // What was deleted in between is not there.
        messages.extend(stream.get_raw_message(sequence).await.ok());
    }
    messages
}

fn stored_job(message: &StreamMessage) -> StoredJob {
    let kind = message.subject.split_once('.');
    let parked_id = message.headers.get(JOB).map(|id| id.as_str().to_owned());
    StoredJob {
        id: parked_id.unwrap_or_else(|| message.sequence.to_string()),
        kind: kind.expect("a subject names the kind").1.to_owned(),
        args: String::from_utf8(message.payload.to_vec()).expect("args are text here"),
    }
}

#[async_trait]
impl QueueUnderTest for Encrypted {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let ids = self.store(vec![Job::new(kind, args)]).await?;
        Ok(ids[0].to_string())
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        let jobs = jobs.iter().map(|(kind, args)| Job::new(kind, args));
        self.store(jobs.collect()).await?;
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let due = Some(self.now + HOUR);
        let job = Job {
            due,
            ..Job::new(kind, args)
        };
        Ok(self.store(vec![job]).await?[0].to_string())
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        let ids = self.queue.store().oneshot(vec![Job::new(kind, args)]).await;
        ids.expect("the stream takes it")[0].to_string()
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let mut stored: Vec<_> = messages(&self.queue.jobs)
            .await
            .iter()
            .chain(&self.parked().await)
            .map(stored_job)
            .collect();
        stored.sort_by(|one, other| one.id.cmp(&other.id));
        stored
    }

    async fn work_one(&mut self, worker: Worker) -> Attempt {
        let mut seen = None;
        let mut work = ServiceBuilder::new()
            .layer(DecryptLayer::new(self.hook.clone()))
            .service_fn(|job: Job| {
                let args = String::from_utf8(job.args.to_vec());
                seen = Some((job.kind, args.expect("args are text here")));
                std::future::ready(match worker {
                    Worker::Fails => Err(Failed::TryLater),
                    Worker::Returns(_) | Worker::Succeeds => Ok(()),
                })
            });
        let result = self.queue.work_one(&mut work, self.now).await;
        match (seen, result.expect("the server answers")) {
            (Some((kind, args)), _) => Attempt::Worked { kind, args },
            (None, Some(Err(Failed::TryLater))) => Attempt::Waits,
            (None, Some(Err(Failed::Park(_)))) => Attempt::Parked,
            (None, None) => Attempt::Idle,
            (None, Some(Ok(()))) => panic!("no worker saw the job"),
        }
    }

    async fn make_due(&mut self) {
        // The server keeps the time of what was given back; a new consumer begins anew with what is left.
        self.now += HOUR;
        let deleted = self.queue.jobs.delete_consumer("workers").await;
        deleted.expect("the consumer is there");
        self.queue.workers().await.expect("it is made anew");
    }

    async fn put_back(&mut self) {
        let put_back = self.queue.put_back().await;
        put_back.expect("the server answers");
    }

    fn cannot(&self, behaviour: Behaviour) -> Option<&'static str> {
        let is_large = behaviour == Behaviour::LargeArgs;
        is_large.then_some("unless its server is told otherwise, a message has 1 MiB at most")
    }

    /// What the streams hold, and what the server has written to its files.
    async fn dump(&mut self) -> Option<Vec<u8>> {
        let mut dump = self.server.dump().expect("its files can be read");
        for message in messages(&self.queue.jobs)
            .await
            .iter()
            .chain(&self.parked().await)
        {
            dump.extend_from_slice(
                format!("\n{} {:?}\n", message.subject, message.headers).as_bytes(),
            );
            dump.extend_from_slice(&message.payload);
        }
        Some(dump)
    }
}

fn new_key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"))
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    let outcomes = Box::pin(queue_conformance::queue(new_key, Encrypted::new)).await;
    outcomes.record("NATS JetStream");
}

#[tokio::test]
async fn why_a_job_is_parked_stands_beside_it_without_its_args() {
    let keyring = Keyring::new(new_key()).build();
    let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
    let mut encrypted = Encrypted::new(hook.expect("the hook is sound")).await;
    let args = r#"{"river_encrypt":"canary-4711"}"#;
    encrypted.plant("charge_card", args).await;
    assert_eq!(encrypted.work_one(Worker::Succeeds).await, Attempt::Parked);
    let parked = encrypted.parked().await;
    assert_eq!(parked.len(), 1, "it is in the stream of parked jobs");
    let reason = parked[0].headers.get(REASON).expect("it says why").as_str();
    assert!(reason.contains(r#"job kind "charge_card""#), "{reason}");
    assert!(!reason.contains("canary"), "{reason}");
}

#[tokio::test]
async fn a_kind_that_is_no_subject_is_an_error_and_nothing_is_stored() {
    let keyring = Keyring::new(new_key()).build();
    let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
    let mut encrypted = Encrypted::new(hook.expect("the hook is sound")).await;
    for kind in [
        "",
        " ",
        "charge card",
        "charge_card\r\nPUB jobs.x 0",
        ".cards",
    ] {
        let refused = encrypted.enqueue(kind, "{}").await;
        assert!(refused.is_err(), "{kind:?} is a subject: {refused:?}");
        assert_eq!(encrypted.stored().await, []);
    }
    for kind in ["cards.charge", "Überweisung/100%"] {
        encrypted.enqueue(kind, "{}").await.expect("it is stored");
        let attempt = encrypted.work_one(Worker::Succeeds).await;
        let (kind, args) = (kind.to_owned(), "{}".to_owned());
        assert_eq!(attempt, Attempt::Worked { kind, args });
    }
}
