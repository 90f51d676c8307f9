//! One producer and two workers share a queue on NATS JetStream while the key is rotated:
//! `cargo run --example nats_rotation --features nats`, with a server of its own, or `-- nats://localhost`.

mod job;
mod queue;
#[path = "../rotation/rotation.rs"]
mod rotation;

use std::{
    process::ExitCode,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use jobcrypt::{
    EncryptHook,
    tower::{DecryptLayer, EncryptLayer},
};
use jobcrypt_testkit::NatsServer;
use rotation::{Attempt, SharedQueue};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::{Failed, Job},
    queue::Queue,
};

/// The end of the program stops it.
static SERVER: OnceLock<NatsServer> = OnceLock::new();

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    Box::pin(rotation::main::<Queue>(of_a_new_server)).await
}

async fn of_a_new_server() -> Result<String, BoxError> {
    let server = NatsServer::start(&std::env::temp_dir())?;
    Ok(SERVER.get_or_init(|| server).url().to_owned())
}

impl SharedQueue for Queue {
    async fn open(url: &str) -> Result<Self, BoxError> {
        let queue = Queue::open(url).await?;
        Ok(Self {
            retry_after: Duration::from_millis(200),
            ..queue
        })
    }

    async fn enqueue(&mut self, hook: &EncryptHook, number: usize) -> Result<(), BoxError> {
        let store = ServiceBuilder::new()
            .layer(EncryptLayer::new(hook.clone()))
            .service(self.store());
        let job = Job::new("count", &number.to_string());
        store.oneshot(vec![job]).await?;
        Ok(())
    }

    async fn work_one(&mut self, hook: &EncryptHook) -> Result<Option<Attempt>, BoxError> {
        let mut number = None;
        let mut work = ServiceBuilder::new()
            .layer(DecryptLayer::new(hook.clone()))
            .service_fn(|job: Job| {
                let text = std::str::from_utf8(&job.args);
                number = text.ok().and_then(|text| text.parse().ok());
                std::future::ready(Ok::<_, Failed>(()))
            });
        let result = Queue::work_one(self, &mut work, SystemTime::now()).await?;
        Ok(match (result, number) {
            (None, _) => None,
            (Some(Ok(())), Some(number)) => Some(Attempt::Worked(number)),
            (Some(Ok(())), None) => return Err("a job has no number".into()),
            (Some(Err(Failed::TryLater)), _) => Some(Attempt::Delayed),
            (Some(Err(Failed::Park(reason))), _) => Some(Attempt::Parked(reason)),
        })
    }
}
