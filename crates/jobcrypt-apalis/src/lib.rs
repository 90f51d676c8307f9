#![doc = include_str!("../README.md")]
// Without a store there is nothing to write a refusal into.
#![cfg_attr(
    not(any(feature = "postgres", feature = "redis", feature = "sqlite")),
    allow(dead_code)
)]

mod encrypt_backend;
mod opened_backend;
mod opening;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod refusal;
mod results;
mod seal_results;
#[cfg(feature = "sqlite")]
mod sqlite;
mod storage_error;
mod store;
mod task_sink;

pub use encrypt_backend::EncryptBackend;
pub use jobcrypt_tower::{SealedWords, hide_panics};
pub use opened_backend::{OpenedBackend, Sealing};
pub use seal_results::{SealResults, SealResultsFuture, SealResultsLayer};
pub use storage_error::StorageError;
pub use store::Store;
