//! The contract of jobcrypt, with no I/O, no runtime, no queue and no cipher in it: what an
//! [`Encryptor`] is, how keys form a [`Keyring`], which kinds are sealed under which [`Policy`],
//! and the [`EncryptHook`] that seals and opens the args of jobs.
//!
//! Apps use it through the crate `jobcrypt`. Whoever writes a cipher or an adapter for a queue
//! depends on this crate alone.

mod associated_data;
mod audit_event;
mod audit_sink;
mod batch;
mod bound_digest;
mod cipher_name;
mod encrypt_hook;
mod encrypt_hook_builder;
mod encryptor;
mod envelope;
mod error;
mod field_path;
mod field_places;
mod fields;
mod form;
mod job_context;
mod json_keys;
mod json_scan;
mod key;
mod key_fingerprint;
mod key_id;
mod key_provider;
mod keyring;
mod keys;
mod legacy_form;
mod marker;
mod migrate;
mod open;
mod open_batch;
mod padding;
mod payload;
mod policy;
mod purpose;
mod scratch;
mod seal;
mod seal_batch;
mod seal_fields;
mod sealed;
mod sealed_fields;
mod secret_key;
mod tokens_within;
mod unique_keys;

pub use audit_event::{AuditEvent, AuditValue};
pub use audit_sink::AuditSink;
pub use batch::Batch;
pub use cipher_name::CipherName;
pub use encrypt_hook::EncryptHook;
pub use encrypt_hook_builder::EncryptHookBuilder;
pub use encryptor::Encryptor;
pub use envelope::Envelope;
pub use error::{Error, ErrorKind};
pub use job_context::JobContext;
pub use key::Key;
pub use key_fingerprint::KeyFingerprint;
pub use key_id::KeyId;
pub use key_provider::KeyProvider;
pub use keyring::{Keyring, KeyringBuilder};
pub use keys::Keys;
pub use legacy_form::LegacyForm;
pub use payload::Payload;
pub use policy::Policy;
pub use purpose::Purpose;
pub use sealed::Sealed;
pub use secret_key::SecretKey;
pub use unique_keys::UniqueKeys;
