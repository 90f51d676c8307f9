use std::time::Duration;

use async_trait::async_trait;
use jobcrypt_core::EncryptHook;
use jobcrypt_testkit::{Attempt, QueueUnderTest, StoredJob, Worker, queue_conformance};
use serde_json::value::RawValue;
use sidekiq::Job;

use crate::bench::{Bench, SETS, new_key};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("args are JSON here")
}

/// Args of one element are what the app handed over, as the middleware has it.
fn stored(job: Job) -> StoredJob {
    let args = match &job.args.as_array().map(Vec::as_slice) {
        Some([only]) => only.to_string(),
        _ => job.args.to_string(),
    };
    StoredJob {
        id: job.jid,
        kind: job.class,
        args,
    }
}

#[async_trait]
impl QueueUnderTest for Bench {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let jid = self.client.push(&sidekiq::opts(), kind, raw(args)).await?;
        jid.ok_or_else(|| "no job is unique here".into())
    }

    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxError> {
        let jobs: Vec<Job> = jobs
            .iter()
            .map(|(kind, args)| sidekiq::opts().create_job((*kind).to_owned(), raw(args)))
            .collect::<Result<_, _>>()?;
        self.client.push_all(jobs).await?;
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxError> {
        let opts = sidekiq::opts();
        let jid = self
            .client
            .push_in(&opts, kind, Duration::from_hours(1), raw(args));
        Ok(jid.await?)
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        let job = sidekiq::opts().create_job(kind.to_owned(), raw(args));
        let job = job.expect("a job can be made of JSON");
        let json = serde_json::to_string(&job).expect("a job is JSON");
        Bench::plant(self, &json).await;
        job.jid
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let mut jobs = self.queued().await;
        for set in SETS {
            jobs.extend(self.in_set(set).await);
        }
        let mut jobs: Vec<_> = jobs.into_iter().map(stored).collect();
        jobs.sort_by(|one, other| one.id.cmp(&other.id));
        jobs
    }

    async fn work_one(&mut self, worker: Worker) -> Attempt {
        *self.seen.told.lock().expect("no test panics in here") = Some(worker);
        let parked = self.in_set(jobcrypt_sidekiq::PARKED).await.len();
        if !Bench::work_one(self).await {
            return Attempt::Idle;
        }
        let is_parked = self.in_set(jobcrypt_sidekiq::PARKED).await.len() > parked;
        match self.seen.take().pop() {
            Some((kind, args)) => Attempt::Worked { kind, args },
            None if is_parked => Attempt::Parked,
            None => Attempt::Waits,
        }
    }

    async fn make_due(&mut self) {
        Bench::make_due(self).await;
    }

    async fn put_back(&mut self) {
        let put_back = self.parked.put_back_all().await;
        put_back.expect("the server answers");
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        Some(self.server.dump().expect("the server dumps what it holds"))
    }
}

#[tokio::test]
async fn it_keeps_what_jobcrypt_promises() {
    let with_hook = async |hook: EncryptHook| Bench::new(hook).await;
    let outcomes = Box::pin(queue_conformance::queue(new_key, with_hook)).await;
    outcomes.record("Sidekiq");
}
