#![doc = include_str!("../README.md")]

mod encrypt_plugin;
mod failure;
mod guarded;
mod opened_batch;
mod opened_job;
mod opening;
mod refusal;
mod verdict;

pub use encrypt_plugin::EncryptPlugin;
