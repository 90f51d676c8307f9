//! Proof for whoever builds on jobcrypt: functions that check an encryptor or a queue of your own,
//! encryptors that fail on purpose, the frozen vectors of the stored format, throwaway servers, a disk that
//! gets full, and kills at each write.

mod behaviour;
mod canary;
pub mod conformance;
mod faulty_encryptor;
#[cfg(unix)]
mod keeper;
mod kill;
#[cfg(unix)]
mod nats_server;
mod outcomes;
#[cfg(unix)]
mod postgres_programs;
#[cfg(unix)]
mod postgres_server;
pub mod queue_conformance;
mod queue_under_test;
#[cfg(unix)]
mod rabbitmq_server;
#[cfg(unix)]
mod redis_server;
#[cfg(target_os = "linux")]
mod small_disk;

pub use behaviour::Behaviour;
pub use canary::find_canary;
pub use faulty_encryptor::FaultyEncryptor;
pub use kill::kill_at_each_write;
#[cfg(unix)]
pub use nats_server::NatsServer;
pub use outcomes::{Outcome, Outcomes};
#[cfg(unix)]
pub use postgres_programs::PostgresPrograms;
#[cfg(unix)]
pub use postgres_server::PostgresServer;
pub use queue_under_test::{Attempt, QueueUnderTest, StoredJob, Worker};
#[cfg(unix)]
pub use rabbitmq_server::RabbitMqServer;
#[cfg(unix)]
pub use redis_server::RedisServer;
#[cfg(target_os = "linux")]
pub use small_disk::SmallDisk;

/// The frozen vectors of the stored format, version 1, as JSON: keys, tokens, jobs in legacy forms, and
/// what a reader must refuse. `docs/format.md` explains them; they are only ever added to.
///
/// ```
/// assert!(jobcrypt_testkit::VECTORS_V1.contains("jc1.xchacha20poly1305."));
/// ```
pub const VECTORS_V1: &str = include_str!("../vectors/v1.json");
