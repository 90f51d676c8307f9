//! A queue on Redis Streams, with encrypted jobs:
//! `cargo run --example redis_queue --features redis -- redis://localhost`.
//!
//! `job.rs` is what encryption needs; `docs/for-queue-authors.md` explains it.

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
    job::{Failed, Job},
    queue::Queue,
};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1);
    let url = url.ok_or("say which server: cargo run --example redis_queue ... -- URL")?;
    let mut queue = Queue::open(&url).await?;

    // In an app: SecretKey::from_base64(&std::env::var("JOBCRYPT_KEY")?)?
    let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    let hook = EncryptHook::builder(keyring).namespace("prod").build()?;

    let enqueue = ServiceBuilder::new()
        .layer(EncryptLayer::new(hook.clone()))
        .service(queue.store());
    let jobs = ["4111111111111111", "5500000000000004"]
        .map(|pan| Job::new("charge_card", &format!(r#"{{"pan":"{pan}"}}"#)));
    let ids = enqueue.oneshot(jobs.to_vec()).await?;
    println!("stored: {ids:?}, sealed");

    // What an earlier run has parked, if the cause is mended by now.
    queue.put_back().await?;

    let mut work = ServiceBuilder::new()
        .layer(DecryptLayer::new(hook).or_reload())
        .service_fn(async |job: Job| {
            println!("worked: {} {} {}", job.id, job.kind, job.args);
            Ok::<_, Failed>(())
        });
    while queue.work_one(&mut work).await?.is_some() {}
    Ok(())
}
