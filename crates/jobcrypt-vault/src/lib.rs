#![doc = include_str!("../README.md")]

mod audit;
mod change;
mod contents;
#[cfg(test)]
mod crash;
mod diff;
mod disk;
mod environment;
mod fernet_document;
mod folder;
mod hint;
mod json;
mod mac_key;
mod merge;
mod pipeline;
mod place;
mod python;
mod rotation;
mod save;
mod sealed_entries;
mod sealer;
mod tree;
mod value;
mod value_path;
mod vault;
mod vault_error;
mod vault_id;
mod vault_options;
mod vault_text;

pub use audit::AuditAction;
pub use diff::{Change, Difference};
pub use environment::{Environment, EnvironmentNames};
pub use merge::Merged;
pub use pipeline::Pipeline;
pub use rotation::Rotated;
pub use value::{Value, ValueKind};
pub use value_path::{Segment, ValuePath};
pub use vault::Vault;
pub use vault_error::VaultError;
pub use vault_id::VaultId;
pub use vault_options::{VaultForm, VaultOptions};
