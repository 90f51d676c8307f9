use std::path::PathBuf;

use jobcrypt_core::KeyId;
use serde::Serialize;

use crate::{KeyRecord, Layout, Snapshot, Tombstone};

/// What to show of a repository. Serialized, it is what `jobcrypt keys status --json` prints.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Where it is.
    pub path: PathBuf,
    /// How its files are laid out.
    pub layout: Layout,
    /// How often it was changed.
    pub generation: u64,
    /// The same on two nodes that hold the same keys in the same states.
    pub fingerprint: String,
    /// Whether a rotation died; the next one completes it.
    pub is_unfinished: bool,
    /// The keys.
    pub keys: Vec<KeyStatus>,
    /// What is left of retired keys.
    pub tombstones: Vec<Tombstone>,
    /// What was odd and accepted all the same.
    pub remarks: Vec<String>,
}

/// What to show of a key.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KeyStatus {
    /// What is known of it.
    #[serde(flatten)]
    pub record: KeyRecord,
    /// In Keystone's layout, what Keystone writes into `key_hash` of the rows that it encrypts. Two of
    /// them where an editor added a line break to the file: rows of before and after differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_hashes: Vec<String>,
}

impl Status {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self {
            path: snapshot.path.clone(),
            layout: snapshot.layout,
            generation: snapshot.generation,
            fingerprint: snapshot.fingerprint(),
            is_unfinished: snapshot.unfinished.is_some(),
            keys: snapshot
                .keys
                .iter()
                .map(|key| KeyStatus {
                    record: key.record.clone(),
                    key_hashes: key.key_hashes.clone(),
                })
                .collect(),
            tombstones: snapshot.tombstones.clone(),
            remarks: snapshot.remarks.clone(),
        }
    }

    /// Returns the key that a row of Keystone's names by its `key_hash`.
    #[must_use]
    pub fn key_by_hash(&self, key_hash: &str) -> Option<KeyId> {
        let mut keys = self.keys.iter();
        keys.find(|key| key.key_hashes.iter().any(|hash| hash == key_hash))
            .map(|key| key.record.id)
    }
}
