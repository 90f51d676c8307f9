#![doc = include_str!("../README.md")]

mod encrypt_plugin;
mod failure;
mod job_note;
mod opened_batch;
mod opened_job;
mod opening;
mod refusal;

pub use encrypt_plugin::EncryptPlugin;
pub use jobcrypt_tower::{SealedWords, hide_panics};
