#![doc = include_str!("../README.md")]

mod attempt;
mod encrypt_plugin;
mod job_note;
mod open_middleware;
mod seal_hook;
mod sealed_error;
mod sealed_output;
mod terms;

pub use encrypt_plugin::EncryptPlugin;
pub use job_note::{Cause, JobNote, METADATA_KEY};
pub use jobcrypt_tower::hide_panics;
pub use sealed_error::SealedError;
pub use sealed_output::{RecordSealedOutput, open_output, seal_output};
