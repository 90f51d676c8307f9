use std::{fmt, sync::Arc, time::Duration};

use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
    message::Delivery,
    options::{
        BasicAckOptions, BasicGetOptions, BasicNackOptions, BasicPublishOptions,
        ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tower::{BoxError, Service, ServiceExt, service_fn};

use crate::job::{Failed, Job};

/// How long a job waits that is to be tried again.
pub(crate) const DELAY: Duration = Duration::from_mins(1);

/// What makes a server write a message to disk.
const PERSISTENT: u8 = 2;

/// A queue, one for parked jobs, to which an exchange leads what was refused, and one for each delay. All
/// are quorum queues, which lose no job between two of them. It knows nothing of encryption.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(crate) channel: Channel,
    pub(crate) jobs: String,
    // It ends when it is dropped.
    _connection: Arc<Connection>,
}

impl Queue {
    /// Makes the queues, if they are not there.
    pub(crate) async fn open(url: &str, jobs: &str) -> Result<Self, BoxError> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        // The server then says when it has a job for good.
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        let queue = Self {
            channel,
            jobs: jobs.to_owned(),
            _connection: connection.into(),
        };
        let (refused, parked) = (queue.refused(), queue.parked());
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        queue
            .channel
            .exchange_declare(
                refused.as_str().into(),
                ExchangeKind::Fanout,
                durable,
                FieldTable::default(),
            )
            .await?;
        queue.declare(&parked, &[]).await?;
        queue
            .channel
            .queue_bind(
                parked.as_str().into(),
                refused.as_str().into(),
                ShortString::default(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        queue
            .declare(jobs, &[("x-dead-letter-exchange", text(&refused))])
            .await?;
        Ok(queue)
    }

    /// The name of the queue of parked jobs: whole, kept until someone moves them back.
    pub(crate) fn parked(&self) -> String {
        format!("{}.parked", self.jobs)
    }

    fn refused(&self) -> String {
        format!("{}.refused", self.jobs)
    }

    /// The service that stores jobs and returns their ids. All of a batch are sealed before the first is
    /// stored; the server itself takes them one by one.
    pub(crate) fn store(
        &self,
    ) -> impl Service<Vec<Job>, Response = Vec<String>, Error = BoxError, Future: Send> + Clone + use<>
    {
        let queue = self.clone();
        service_fn(move |jobs: Vec<Job>| {
            let queue = queue.clone();
            async move { queue.store_all(jobs).await }
        })
    }

    /// Hands one job that is due to `worker`. Returns what came of it, or `None` where no job is due.
    pub(crate) async fn work_one<S>(
        &self,
        worker: &mut S,
    ) -> Result<Option<Result<(), Failed>>, BoxError>
    where
        S: Service<Job, Error = Failed, Future: Send, Response: Send> + Send,
    {
        let name = self.jobs.as_str().into();
        let taken = self.channel.basic_get(name, BasicGetOptions::default());
        let Some(message) = taken.await? else {
            return Ok(None);
        };
        let result = match worker.ready().await {
            Ok(ready) => ready.call(job(&message.delivery)).await.map(drop),
            Err(failed) => Err(failed),
        };
        self.finish(&message.delivery, &result).await?;
        Ok(Some(result))
    }

    /// Puts back the jobs that are held aside, once somebody has mended why. Returns how many.
    ///
    /// Each leaves the queue of parked ones only after it is in the other.
    pub(crate) async fn put_back(&self) -> Result<usize, BoxError> {
        let parked = self.parked();
        let mut count = 0;
        loop {
            let taken = self
                .channel
                .basic_get(parked.as_str().into(), BasicGetOptions::default());
            let Some(message) = taken.await? else {
                return Ok(count);
            };
            let properties = message.properties.clone();
            self.publish(&self.jobs, &message.data, properties).await?;
            message.ack(BasicAckOptions::default()).await?;
            count += 1;
        }
    }

    /// A worker that dies before this leaves its job to the next.
    async fn finish(
        &self,
        message: &Delivery,
        result: &Result<(), Failed>,
    ) -> Result<(), BoxError> {
        match result {
            Ok(()) => {
                message.ack(BasicAckOptions::default()).await?;
            }
            Err(Failed::TryLater) => {
                let later = self.declare_delay(DELAY).await?;
                self.publish(&later, &message.data, message.properties.clone())
                    .await?;
                message.ack(BasicAckOptions::default()).await?;
            }
            // Not taken back, it goes where the queue sends what is refused, as it is.
            Err(Failed::Park(_)) => {
                message.nack(BasicNackOptions::default()).await?;
            }
        }
        Ok(())
    }

    async fn store_all(&self, jobs: Vec<Job>) -> Result<Vec<String>, BoxError> {
        let mut ids = Vec::with_capacity(jobs.len());
        for job in jobs {
            let id = format!("{:016x}", getrandom::u64()?);
            let properties = BasicProperties::default()
                .with_delivery_mode(PERSISTENT)
                .with_message_id(id.as_str().into())
                .with_type(ShortString::try_new(job.kind)?);
            let queue = if job.delay.is_zero() {
                self.jobs.clone()
            } else {
                self.declare_delay(job.delay).await?
            };
            self.publish(&queue, &job.args, properties).await?;
            ids.push(id);
        }
        Ok(ids)
    }

    pub(crate) async fn publish(
        &self,
        queue: &str,
        args: &[u8],
        properties: BasicProperties,
    ) -> Result<(), BoxError> {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let published = self
            .channel
            .basic_publish(
                ShortString::default(),
                queue.into(),
                options,
                args,
                properties,
            )
            .await?;
        match published.await? {
            Confirmation::Ack(None) => Ok(()),
            _ => Err(format!("the server did not take the job into {queue}").into()),
        }
    }

    /// Makes the queue whose jobs are due when they have been in it for `delay`. Were there one for all
    /// delays, a job would wait for all that are before it.
    pub(crate) async fn declare_delay(&self, delay: Duration) -> Result<String, BoxError> {
        let name = self.delayed(delay);
        let time_to_live = AMQPValue::LongLongInt(delay.as_millis().try_into()?);
        let arguments = [
            ("x-message-ttl", time_to_live),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&self.jobs)),
        ];
        self.declare(&name, &arguments).await?;
        Ok(name)
    }

    pub(crate) fn delayed(&self, delay: Duration) -> String {
        format!("{}.in-{}-ms", self.jobs, delay.as_millis())
    }

    /// Makes a queue, if it is not there. `more` says where its jobs go on to, if they do.
    async fn declare(&self, name: &str, more: &[(&str, AMQPValue)]) -> Result<(), BoxError> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        if !more.is_empty() {
            // Else what goes from one queue to the next may get lost on its way.
            arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
            arguments.insert("x-overflow".into(), text("reject-publish"));
        }
        for (key, value) in more {
            arguments.insert((*key).into(), value.clone());
        }
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        self.channel
            .queue_declare(name.into(), durable, arguments)
            .await?;
        Ok(())
    }
}

pub(crate) fn job(message: &Delivery) -> Job {
    let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string);
    Job {
        id: text(message.properties.message_id()).unwrap_or_default(),
        kind: text(message.properties.kind()).unwrap_or_default(),
        args: message.data.clone(),
        delay: Duration::ZERO,
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Queue")
            .field("jobs", &self.jobs)
            .finish_non_exhaustive()
    }
}
