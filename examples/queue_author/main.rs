//! A queue in memory that gains encryption: `cargo run --example queue_author`.
//!
//! `docs/for-queue-authors.md` explains it. `queue.rs` is the queue, and `job.rs` all that it needed.

mod job;
mod queue;

#[cfg(test)]
mod conformance;

use jobcrypt::{
    EncryptHook, Keyring, SecretKey,
    ciphers::XChaCha20Poly1305,
    tower::{DecryptLayer, EncryptLayer},
};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::{
    job::Job,
    queue::{Failed, Queue},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    let hook = EncryptHook::builder(keyring).namespace("prod").build()?;
    let queue = Queue::default();

    let enqueue = ServiceBuilder::new()
        .layer(EncryptLayer::new(hook.clone()))
        .service(queue.store());
    let jobs = ["4111111111111111", "5500000000000004"]
        .map(|pan| Job::new("charge_card", &format!(r#"{{"pan":"{pan}"}}"#)));
    enqueue.oneshot(jobs.to_vec()).await?;
    for job in queue.jobs().iter() {
        println!("stored: {} {}", job.kind, job.args);
    }

    let mut work = ServiceBuilder::new()
        .layer(DecryptLayer::new(hook))
        .service_fn(async |job: Job| {
            println!("worked: {} {}", job.kind, job.args);
            Ok::<_, Failed>(())
        });
    while queue.work_one(&mut work).await.is_some() {}
    // Once somebody has mended why jobs were parked.
    queue.put_back();
    Ok(())
}
