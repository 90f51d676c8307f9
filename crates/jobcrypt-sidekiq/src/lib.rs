#![doc = include_str!("../README.md")]

mod encrypt_client;
mod encrypt_middleware;
mod exact;
mod job_note;
mod opened;
mod parked_jobs;
mod periodic_args;
mod redis_keys;
mod sealed_error;
mod stored_args;

pub use encrypt_client::EncryptClient;
pub use encrypt_middleware::EncryptMiddleware;
pub use exact::Exact;
pub use job_note::{Cause, JobNote};
pub use jobcrypt_tower::{SealedWords, hide_panics};
pub use parked_jobs::ParkedJobs;
pub use redis_keys::PARKED;
