#![doc = include_str!("../README.md")]

mod encrypt_plugin;
mod guarded;
mod install_guard;
mod job_note;
mod open_middleware;
mod reduced_error;
mod seal_hook;
mod verdict;

pub use encrypt_plugin::EncryptPlugin;
pub use job_note::{Cause, JobNote, METADATA_KEY};
