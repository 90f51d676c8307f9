#![doc = include_str!("../README.md")]

mod decrypt;
mod decrypt_or_reload;
mod encrypt;
mod hook;
mod hooks;
mod job_batch;
mod job_request;
mod map_error;
mod response_future;

pub use decrypt::{Decrypt, DecryptLayer};
pub use decrypt_or_reload::{DecryptOrReload, DecryptOrReloadLayer, ReloadFuture};
pub use encrypt::{Encrypt, EncryptLayer};
pub use hook::{BoxError, Hook};
pub use hooks::{Hooks, HooksBuilder};
pub use job_batch::JobBatch;
pub use job_request::JobRequest;
pub use map_error::{FromError, MapError};
pub use response_future::ResponseFuture;

// `job_request!` must find it, whether or not its caller depends on the contract.
#[doc(hidden)]
pub use jobcrypt_core::JobContext as __JobContext;
