use apalis_core::error::BoxDynError;
use async_trait::async_trait;
use jobcrypt_core::EncryptHook;
use jobcrypt_testkit::{Attempt, QueueUnderTest, StoredJob, Worker, queue_conformance};
use serde_json::Value;

use crate::{
    bench::{Bench, Engine, new_key, raw},
    sqlite::Sqlite,
};

#[async_trait]
impl<E: Engine> QueueUnderTest for Bench<E> {
    async fn enqueue(&mut self, kind: &str, args: &str) -> Result<String, BoxDynError> {
        self.push(kind, args).await
    }

    /// A batch of apalis' is of one kind, so this one is as many as it has kinds. All are sealed before the
    /// first is stored.
    async fn enqueue_batch(&mut self, jobs: &[(&str, &str)]) -> Result<(), BoxDynError> {
        let mut batches: Vec<(&str, Vec<_>)> = Vec::new();
        for (kind, args) in jobs {
            match batches.iter_mut().find(|(other, _)| other == kind) {
                Some((_, batch)) => batch.push(raw(args)),
                None => batches.push((kind, vec![raw(args)])),
            }
        }
        let mut sealed = Vec::new();
        for (kind, batch) in batches {
            sealed.push((kind, self.backend(kind).seal_bulk(&batch)?));
        }
        for (kind, sealed) in sealed {
            self.backend(kind).push_sealed(sealed).await?;
        }
        Ok(())
    }

    async fn schedule(&mut self, kind: &str, args: &str) -> Result<String, BoxDynError> {
        self.push_later(kind, args).await
    }

    async fn plant(&mut self, kind: &str, args: &str) -> String {
        Bench::plant(self, kind, args).await
    }

    async fn stored(&mut self) -> Vec<StoredJob> {
        let rows = self.engine.rows().await.into_iter();
        rows.filter(|row| row.status != "Done")
            .map(|row| StoredJob {
                id: row.id,
                kind: row.kind,
                args: row.args,
            })
            .collect()
    }

    async fn stored_output(&mut self, id: &str) -> Option<String> {
        let result: Value = serde_json::from_str(&self.row(id).await.result).ok()?;
        Some(result.get("Ok")?.to_string())
    }

    async fn work_one(&mut self, worker: Worker) -> Attempt {
        let (job, seen) = Bench::work_one(self, worker).await;
        if let Some((kind, args)) = seen {
            return Attempt::Worked { kind, args };
        }
        let Some(job) = job else {
            return Attempt::Idle;
        };
        let row = self.row(&job).await;
        assert_eq!(row.attempts, 0, "a job that is refused has used no attempt");
        match (row.is_parked(), row.waits()) {
            (true, false) => Attempt::Parked,
            (false, true) => Attempt::Waits,
            _ => panic!("the job was neither worked nor refused: {row:?}"),
        }
    }

    async fn make_due(&mut self) {
        self.engine.make_due().await;
    }

    async fn put_back(&mut self) {
        self.engine.put_back().await;
    }

    async fn dump(&mut self) -> Option<Vec<u8>> {
        Some(self.engine.dump().await)
    }
}

#[tokio::test]
async fn on_sqlite_it_keeps_what_jobcrypt_promises() {
    let with_hook = async |hook: EncryptHook| Bench::<Sqlite>::new(hook).await;
    let outcomes = Box::pin(queue_conformance::queue(new_key, with_hook)).await;
    outcomes.record("apalis (SQLite)");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn on_postgresql_it_keeps_what_jobcrypt_promises() {
    let with_hook = async |hook: EncryptHook| Bench::<crate::postgres::Postgres>::new(hook).await;
    let outcomes = Box::pin(queue_conformance::queue(new_key, with_hook)).await;
    outcomes.record("apalis (PostgreSQL)");
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn on_redis_it_keeps_what_jobcrypt_promises() {
    let with_hook = async |hook: EncryptHook| Bench::<crate::redis::Redis>::new(hook).await;
    let outcomes = Box::pin(queue_conformance::queue(new_key, with_hook)).await;
    outcomes.record("apalis (Redis)");
}
