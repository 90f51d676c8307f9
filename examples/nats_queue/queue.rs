use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::{
    HeaderMap,
    jetstream::{
        self, AckKind, Message,
        consumer::{PullConsumer, pull},
        context::Context,
        stream::{self, Stream},
    },
};
use futures_util::StreamExt;
use tower::{BoxError, Service, ServiceExt, service_fn};

use crate::job::{Failed, Job};

pub(crate) const JOBS: &str = "jobs";
pub(crate) const PARKED: &str = "jobs-parked";
const WORKERS: &str = "workers";

/// When a scheduled job is due, in milliseconds since 1970.
const DUE: &str = "Due";
/// Which job a parked one was, and why it is parked.
pub(crate) const JOB: &str = "Job";
pub(crate) const REASON: &str = "Reason";

/// A queue on two streams: the jobs, and those that are parked. It knows nothing of encryption.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) context: Context,
    pub(crate) jobs: Stream,
    /// How long a job waits that is to be tried again.
    pub(crate) retry_after: Duration,
}

impl Queue {
    /// Makes the streams, if they are not there.
    pub(crate) async fn open(url: &str) -> Result<Self, BoxError> {
        let context = jetstream::new(async_nats::connect(url).await?);
        let stream = async |name: &str| {
            let config = stream::Config {
                name: name.to_owned(),
                subjects: vec![format!("{name}.>")],
                ..stream::Config::default()
            };
            context.get_or_create_stream(config).await
        };
        stream(PARKED).await?;
        let jobs = stream(JOBS).await?;
        Ok(Self {
            context,
            jobs,
            retry_after: Duration::from_secs(10),
        })
    }

    /// The service that stores jobs and returns their ids. All of a batch are sealed before the first is
    /// stored; the server itself takes them one by one.
    pub(crate) fn store(
        &self,
    ) -> impl Service<Vec<Job>, Response = Vec<u64>, Error = BoxError, Future: Send> + Clone + use<>
    {
        let context = self.context.clone();
        service_fn(move |jobs: Vec<Job>| {
            let context = context.clone();
            async move { store(&context, jobs).await }
        })
    }

    /// Hands one job that is due at `now` to `worker`. Returns what came of it, or `None` where no job
    /// is due.
    pub(crate) async fn work_one<S>(
        &self,
        worker: &mut S,
        now: SystemTime,
    ) -> Result<Option<Result<(), Failed>>, BoxError>
    where
        S: Service<Job, Error = Failed, Future: Send, Response: Send> + Send,
    {
        let Some(message) = self.take(now).await? else {
            return Ok(None);
        };
        let kind = message.subject.strip_prefix(JOBS).unwrap_or_default();
        let job = Job {
            kind: kind.trim_start_matches('.').to_owned(),
            args: message.payload.clone(),
            due: None,
        };
        let result = match worker.ready().await {
            Ok(ready) => ready.call(job).await.map(drop),
            Err(failed) => Err(failed),
        };
        self.finish(&message, &result).await?;
        Ok(Some(result))
    }

    pub(crate) async fn workers(&self) -> Result<PullConsumer, BoxError> {
        let config = pull::Config {
            durable_name: Some(WORKERS.to_owned()),
            ..pull::Config::default()
        };
        Ok(self.jobs.get_or_create_consumer(WORKERS, config).await?)
    }

    /// Takes a job that is due; those that are not yet are given back until they are.
    async fn take(&self, now: SystemTime) -> Result<Option<Message>, BoxError> {
        let workers = self.workers().await?;
        loop {
            let mut messages = workers.fetch().max_messages(1).messages().await?;
            let Some(message) = messages.next().await.transpose()? else {
                return Ok(None);
            };
            match due(&message).duration_since(now) {
                Ok(early) if !early.is_zero() => {
                    message.double_ack_with(AckKind::Nak(Some(early))).await?;
                }
                _ => return Ok(Some(message)),
            }
        }
    }

    async fn finish(&self, message: &Message, result: &Result<(), Failed>) -> Result<(), BoxError> {
        let id = message.info()?.stream_sequence;
        match result {
            Ok(()) => {
                message.double_ack().await?;
                self.jobs.delete_message(id).await?;
            }
            Err(Failed::TryLater) => {
                let delay = AckKind::Nak(Some(self.retry_after));
                message.double_ack_with(delay).await?;
            }
            Err(Failed::Park(reason)) => {
                self.park(message, id, reason).await?;
                message.double_ack_with(AckKind::Term).await?;
                self.jobs.delete_message(id).await?;
            }
        }
        Ok(())
    }

    /// Copies a job, as it is, to the stream of parked ones. It leaves the other only after that, and
    /// its id keeps a second copy out, should this worker die in between.
    async fn park(&self, message: &Message, id: u64, reason: &str) -> Result<(), BoxError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id.to_string());
        headers.insert(JOB, id.to_string());
        headers.insert(REASON, reason);
        let subject = message.subject.replacen(JOBS, PARKED, 1);
        let payload = message.payload.clone();
        let published = self
            .context
            .publish_with_headers(subject, headers, payload)
            .await?;
        published.await?;
        Ok(())
    }
}

async fn store(context: &Context, jobs: Vec<Job>) -> Result<Vec<u64>, BoxError> {
    let mut ids = Vec::with_capacity(jobs.len());
    for Job { kind, args, due } in jobs {
        let mut headers = HeaderMap::new();
        if let Some(due) = due {
            let due = due.duration_since(UNIX_EPOCH)?.as_millis();
            headers.insert(DUE, due.to_string());
        }
        let subject = format!("{JOBS}.{kind}");
        let published = context.publish_with_headers(subject, headers, args).await?;
        ids.push(published.await?.sequence);
    }
    Ok(ids)
}

/// Returns when a job is due: long ago, unless it says otherwise.
fn due(message: &Message) -> SystemTime {
    let due = message.headers.as_ref().and_then(|headers| {
        let due = headers.get(DUE)?.as_str().parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(due))
    });
    due.unwrap_or(UNIX_EPOCH)
}
