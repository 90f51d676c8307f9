use std::time::{Duration, Instant};

use async_trait::async_trait;
use jobcrypt::{
    EncryptHook, SecretKey,
    ciphers::XChaCha20Poly1305,
    tower::{DecryptLayer, EncryptLayer},
};
use jobcrypt_testkit::{Attempt, QueueUnderTest, StoredJob, Worker, queue_conformance};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::Job,
    queue::{Failed, Queue},
};

struct Encrypted {
    queue: Queue,
    hook: EncryptHook,
}

impl Encrypted {
    /// Stores jobs through the layer; returns the id of the last.
    async fn store(&self, jobs: Vec<Job>) -> Result<String, BoxError> {
        let store = ServiceBuilder::new()
            .layer(EncryptLayer::new(self.hook.clone()))
            .service(self.queue.store());
        store.oneshot(jobs).await?;
        let last = self.queue.jobs().last().map(|job| job.id.to_string());
        Ok(last.expect("a job was stored"))
    }
}

#[async_trait]
impl QueueUnderTest for Encrypted {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        self.store(vec![Job::new(kind, args)]).await
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        let jobs = jobs.iter().map(|(kind, args)| Job::new(kind, args));
        self.store(jobs.collect()).await?;
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let due = Instant::now() + Duration::from_hours(1);
        self.store(vec![Job {
            due,
            ..Job::new(kind, args)
        }])
        .await
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        let store = self.queue.store();
        let jobs = vec![Job::new(kind, args)];
        store.oneshot(jobs).await.expect("memory has room");
        let last = self.queue.jobs().last().map(|job| job.id.to_string());
        last.expect("a job was stored")
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let jobs = self.queue.jobs();
        jobs.iter()
            .map(|job| StoredJob {
                id: job.id.to_string(),
                kind: job.kind.clone(),
                args: job.args.clone(),
            })
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
        match (seen, result) {
            (Some((kind, args)), _) => Attempt::Worked { kind, args },
            (None, Some(Err(Failed::TryLater))) => Attempt::Waits,
            (None, Some(Err(Failed::Park))) => Attempt::Parked,
            (None, None) => Attempt::Idle,
            (None, Some(Ok(()))) => panic!("no worker saw the job"),
        }
    }

    async fn make_due(&mut self) {
        for job in self.queue.jobs().iter_mut() {
            job.due = Instant::now();
        }
    }

    async fn put_back(&mut self) {
        self.queue.put_back();
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        Some(format!("{:?}", self.queue.jobs()).into_bytes())
    }
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    let new_key = || {
        let key = SecretKey::generate().expect("the system has random bytes");
        XChaCha20Poly1305::new(key)
    };
    let with_hook = async |hook| Encrypted {
        queue: Queue::default(),
        hook,
    };
    let outcomes = queue_conformance::queue(new_key, with_hook).await;
    outcomes.record("a queue author's, in memory");
}
