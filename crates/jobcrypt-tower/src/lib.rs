#![doc = include_str!("../README.md")]

mod decrypt;
mod decrypt_or_reload;
mod encrypt;
mod guarded;
mod hide_panics;
mod hook;
mod hooks;
mod job_batch;
mod job_request;
mod map_error;
mod reduced_error;
mod response_future;
mod sealed_words;
mod verdict;
mod worker_words;

pub use decrypt::{Decrypt, DecryptLayer};
pub use decrypt_or_reload::{DecryptOrReload, DecryptOrReloadLayer, ReloadFuture};
pub use encrypt::{Encrypt, EncryptLayer};
pub use guarded::{PATIENCE, guarded};
pub use hide_panics::hide_panics;
pub use hook::{BoxError, Hook};
pub use hooks::{Hooks, HooksBuilder};
pub use job_batch::JobBatch;
pub use job_request::JobRequest;
#[cfg(feature = "derive")]
pub use jobcrypt_tower_derive::JobRequest;
pub use map_error::{FromError, MapError};
pub use reduced_error::ReducedError;
pub use response_future::ResponseFuture;
pub use sealed_words::SealedWords;
pub use verdict::{Verdict, Waiting};
pub use worker_words::WorkerWords;

// `job_request!` and the derive macro must find it, whether or not its caller depends on the contract.
#[doc(hidden)]
pub use jobcrypt_core::JobContext as __JobContext;
