#![doc = include_str!("../README.md")]

mod archive;
#[cfg(test)]
mod crash;
mod disk;
mod file_error;
mod folder;
mod guarded_file;
mod key_record;
mod key_repository;
mod key_text;
mod keystone;
mod layout;
mod loaded;
mod lock;
mod manifest;
mod native;
mod repository_error;
mod rotate_error;
mod rotation;
mod rotation_plan;
mod setup;
mod snapshot;
mod soundness;
mod stage;
mod status;
mod step;
mod text;
mod usage;

pub use file_error::FileError;
pub use key_record::{KeyRecord, KeyState, Tombstone};
pub use key_repository::KeyRepository;
pub use layout::Layout;
pub use loaded::Loaded;
pub use repository_error::RepositoryError;
pub use rotate_error::RotateError;
pub use rotation::{Rotated, Rotation};
pub use rotation_plan::{Kept, KeptReason, RotationPlan};
pub use snapshot::Snapshot;
pub use status::{KeyStatus, Status};
pub use usage::Usage;
