#![doc = include_str!("../README.md")]

mod encrypt_plugin;
mod install_guard;
mod job_note;
mod open_middleware;
mod reduced_error;
mod seal_hook;
mod terms;

pub use encrypt_plugin::EncryptPlugin;
pub use job_note::{Cause, JobNote, METADATA_KEY};
