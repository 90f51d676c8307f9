use std::{fmt, time::Duration};

use redis::{Client, RedisError, RedisResult, Script, aio::MultiplexedConnection};
use tower::{BoxError, Service, ServiceExt, service_fn};

use crate::job::{Failed, Job};

/// The jobs, in a stream that is never trimmed: those that are parked stay in it.
pub(crate) const STREAM: &str = "jobs";
/// Jobs that are not due yet, by the time when they are.
pub(crate) const SCHEDULED: &str = "jobs:scheduled";
const SCHEDULED_COUNT: &str = "jobs:scheduled:count";
/// Why jobs are parked, by id.
pub(crate) const PARKED: &str = "jobs:parked";
const GROUP: &str = "workers";

/// How long a job is left to the worker that has it. Whoever takes longer must claim it anew meanwhile.
const LEASE: Duration = Duration::from_mins(1);

/// A queue on a stream and a consumer group. It knows nothing of encryption.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) connection: MultiplexedConnection,
}

impl Queue {
    /// Makes the stream and the group, if they are not there.
    pub(crate) async fn open(url: &str) -> RedisResult<Self> {
        let client = Client::open(url)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let made: RedisResult<()> = redis::cmd("XGROUP")
            .arg(&["CREATE", STREAM, GROUP, "0", "MKSTREAM"])
            .query_async(&mut connection)
            .await;
        match made {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            _ => Ok(Self { connection }),
        }
    }

    /// The service that stores jobs, all or none, and returns their ids.
    pub(crate) fn store(
        &self,
    ) -> impl Service<Vec<Job>, Response = Vec<String>, Error = BoxError, Future: Send> + Clone + use<>
    {
        let connection = self.connection.clone();
        service_fn(move |jobs: Vec<Job>| {
            let mut connection = connection.clone();
            async move { Ok(store(&mut connection, &jobs).await?) }
        })
    }

    /// Hands one job that is due to `worker`. Returns what came of it, or `None` where no job is due.
    pub(crate) async fn work_one<S>(
        &mut self,
        worker: &mut S,
    ) -> RedisResult<Option<Result<(), Failed>>>
    where
        S: Service<Job, Error = Failed, Future: Send, Response: Send> + Send,
    {
        let Some(job) = take(&mut self.connection).await? else {
            return Ok(None);
        };
        let id = job.id.clone();
        let result = match worker.ready().await {
            Ok(ready) => ready.call(job).await.map(drop),
            Err(failed) => Err(failed),
        };
        self.finish(&id, &result).await?;
        Ok(Some(result))
    }

    /// Puts back the jobs that are held aside, once somebody has mended why. Returns how many.
    pub(crate) async fn put_back(&mut self) -> RedisResult<usize> {
        let script = Script::new(include_str!("put_back.lua"));
        let mut call = script.key(&[STREAM, PARKED]);
        call.arg(LEASE.as_millis().to_string())
            .invoke_async(&mut self.connection)
            .await
    }

    /// A job that was not worked stays in the stream, its args as they are.
    async fn finish(&mut self, id: &str, result: &Result<(), Failed>) -> Result<(), RedisError> {
        let mut transaction = redis::pipe();
        transaction.atomic();
        match result {
            Ok(()) => transaction.xack(STREAM, GROUP, &[id]).xdel(STREAM, &[id]),
            // Nobody acknowledges it, so it is claimed again when its lease is over.
            Err(Failed::TryLater) => return Ok(()),
            // Acknowledged, it is delivered no more, until it is put back.
            Err(Failed::Park(reason)) => {
                transaction
                    .hset(PARKED, id, reason)
                    .xack(STREAM, GROUP, &[id])
            }
        };
        transaction.exec_async(&mut self.connection).await
    }
}

async fn store(connection: &mut MultiplexedConnection, jobs: &[Job]) -> RedisResult<Vec<String>> {
    let script = Script::new(include_str!("store.lua"));
    let mut call = script.key(&[STREAM, SCHEDULED, SCHEDULED_COUNT]);
    for job in jobs {
        let delay = job.delay.as_millis().to_string();
        call.arg(&[&job.kind, &job.args, &delay]);
    }
    call.invoke_async(connection).await
}

async fn take(connection: &mut MultiplexedConnection) -> RedisResult<Option<Job>> {
    let lease = LEASE.as_millis().to_string();
    let taken: Option<(String, String, String)> = Script::new(include_str!("take.lua"))
        .key(&[STREAM, SCHEDULED])
        .arg(&["worker", &lease])
        .invoke_async(connection)
        .await?;
    Ok(taken.map(|(id, kind, args)| Job {
        id,
        ..Job::new(&kind, &args)
    }))
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").finish_non_exhaustive()
    }
}
