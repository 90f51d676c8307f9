use std::path::Path;

use jobcrypt_core::{CipherName, KeyId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{KeyRecord, Layout, RepositoryError, Tombstone, step::Step, text};

/// What a repository knows beside the bytes of its keys. In our layout it decides which keys there
/// are; in Keystone's the file names do, and it only adds dates and tombstones.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Manifest {
    pub(crate) format: Format,
    pub(crate) layout: Layout,
    /// The cipher of the next key.
    #[serde(with = "text")]
    pub(crate) cipher: CipherName,
    /// Grows with each change; 0 until the setup is complete.
    pub(crate) generation: u64,
    /// A rotation that was begun. While it stands here, `rotate` completes it and begins no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unfinished: Option<Unfinished>,
    pub(crate) keys: Vec<KeyRecord>,
    #[serde(default)]
    pub(crate) tombstones: Vec<Tombstone>,
}

/// The keys that change places in a rotation.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Unfinished {
    #[serde(with = "text")]
    pub(crate) promoted: KeyId,
    #[serde(with = "text")]
    pub(crate) demoted: KeyId,
}

/// A later release that writes otherwise says so here, and this one then refuses.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) enum Format {
    #[serde(rename = "jobcrypt-keys/1")]
    V1,
}

impl Manifest {
    pub(crate) fn new(layout: Layout, cipher: CipherName) -> Self {
        Self {
            format: Format::V1,
            layout,
            cipher,
            generation: 0,
            unfinished: None,
            keys: Vec::new(),
            tombstones: Vec::new(),
        }
    }

    pub(crate) fn read(bytes: &[u8], path: &Path) -> Result<Self, RepositoryError> {
        serde_json::from_slice(bytes).map_err(|error| RepositoryError::Manifest {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })
    }

    /// Returns the step that puts the manifest in its place.
    pub(crate) fn written(&self) -> Step {
        let mut contents =
            serde_json::to_vec_pretty(self).expect("ids, dates and names are always JSON");
        contents.push(b'\n');
        Step::Write {
            name: self.layout.manifest().to_owned(),
            contents: Zeroizing::new(contents),
        }
    }

    pub(crate) fn tombstone(&self, id: KeyId) -> Option<&Tombstone> {
        self.tombstones.iter().find(|tombstone| tombstone.id == id)
    }

    pub(crate) fn record(&self, id: KeyId) -> Option<&KeyRecord> {
        self.keys.iter().find(|record| record.id == id)
    }
}
