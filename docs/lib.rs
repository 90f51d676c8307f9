#![doc = include_str!("../README.md")]

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("audit.md")]
pub mod audit {}

#[doc = include_str!("benchmarks.md")]
pub mod benchmarks {}

#[doc = include_str!("choosing-a-cipher.md")]
pub mod choosing_a_cipher {}

#[doc = include_str!("failures.md")]
pub mod failures {}

#[doc = include_str!("faults.md")]
pub mod faults {}

#[doc = include_str!("fields.md")]
pub mod fields {}

#[doc = include_str!("for-queue-authors.md")]
pub mod for_queue_authors {}

#[doc = include_str!("format.md")]
pub mod format {}

#[doc = include_str!("getting-started-river.md")]
pub mod getting_started_river {}

#[doc = include_str!("glossary.md")]
pub mod glossary {}

#[doc = include_str!("key-rotation.md")]
pub mod key_rotation {}

#[doc = include_str!("key-sources.md")]
pub mod key_sources {}

#[doc = include_str!("queues.md")]
pub mod queues {}

#[doc = include_str!("rotate-keys.md")]
pub mod rotate_keys {}

#[doc = include_str!("stored-jobs.md")]
pub mod stored_jobs {}

#[doc = include_str!("threat-model.md")]
pub mod threat_model {}

#[doc = include_str!("vault.md")]
pub mod vault {}

#[doc = include_str!("vault-format.md")]
pub mod vault_format {}

#[doc = include_str!("what-is-protected.md")]
pub mod what_is_protected {}

#[doc = include_str!("writing-an-encryptor.md")]
pub mod writing_an_encryptor {}
