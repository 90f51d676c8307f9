use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jobcrypt_core::{CipherName, Encryptor, Error, Key, KeyId, Keyring, SecretKey};
use sha2::{Digest, Sha256};

use crate::{
    KeyRecord, KeyState, Layout, Tombstone,
    loaded::make_keyring,
    manifest::{Manifest, Unfinished},
};

/// A repository at one moment: all its keys, never some of an earlier moment and some of a later one.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = folder.path().join("keys");
/// use jobcrypt_core::CipherName;
/// use jobcrypt_keys::{KeyRepository, KeyState};
///
/// let repository = KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305)?;
/// let snapshot = repository.snapshot()?;
/// assert_eq!(snapshot.primary().state, KeyState::Primary);
/// assert_eq!(snapshot.keys().count(), 2);
/// # Ok::<(), jobcrypt_keys::RepositoryError>(())
/// ```
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) path: PathBuf,
    pub(crate) layout: Layout,
    pub(crate) cipher: CipherName,
    pub(crate) generation: u64,
    pub(crate) unfinished: Option<Unfinished>,
    /// The primary first, then the secondaries, the youngest first, then the staged key.
    pub(crate) keys: Vec<StoredKey>,
    pub(crate) tombstones: Vec<Tombstone>,
    pub(crate) remarks: Vec<String>,
}

/// A key, and what is known of it.
#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) record: KeyRecord,
    pub(crate) secret: SecretKey,
    /// What Keystone calls the key in the rows that it encrypted, see [`KeyStatus`](crate::KeyStatus).
    pub(crate) key_hashes: Vec<String>,
}

impl Snapshot {
    /// Returns the layout of the files.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns how often the repository was changed.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the key that encrypts.
    #[must_use]
    pub fn primary(&self) -> &KeyRecord {
        // Whoever makes a snapshot puts the primary in front.
        &self.keys[0].record
    }

    /// Returns the key that becomes the primary next, if there is one.
    #[must_use]
    pub fn staged(&self) -> Option<&KeyRecord> {
        self.keys().find(|key| key.state == KeyState::Staged)
    }

    /// Returns all keys: the primary, the secondaries with the youngest first, the staged one.
    pub fn keys(&self) -> impl Iterator<Item = &KeyRecord> {
        self.keys.iter().map(|key| &key.record)
    }

    /// Returns what is left of retired keys.
    #[must_use]
    pub fn tombstones(&self) -> &[Tombstone] {
        &self.tombstones
    }

    /// Returns what was odd and accepted all the same.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Makes the keyring of these keys, with encryptors that `make` makes, such as
    /// `jobcrypt_ciphers::encryptor`.
    ///
    /// # Errors
    ///
    /// Those of `make` and of [`KeyringBuilder::build`](jobcrypt_core::KeyringBuilder::build).
    pub fn keyring<M>(&self, make: M) -> Result<Keyring, Error>
    where
        M: Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error>,
    {
        let keys: Result<Vec<_>, Error> = self
            .keys
            .iter()
            .map(|key| {
                let encryptor = make(key.record.cipher, copy(&key.secret))?;
                let alias = key.record.alias.as_ref().unwrap_or(&key.record.file);
                Ok(Key::new(encryptor).with_alias(alias.as_str()))
            })
            .collect();
        make_keyring(keys?, self.tombstones.iter().map(|tombstone| tombstone.id))
    }

    /// Returns a short text that is the same on two nodes if they hold the same keys in the same
    /// states. It is no secret.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut digest = Sha256::new_with_prefix(b"jobcrypt/repository/v1\0");
        for key in self.keys() {
            digest.update(key.id.as_bytes());
            digest.update(key.state.as_str());
        }
        let mut retired: Vec<KeyId> = self.tombstones.iter().map(|grave| grave.id).collect();
        retired.sort();
        for id in retired {
            digest.update(id.as_bytes());
        }
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(&digest.finalize()[..9])
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<&StoredKey> {
        self.keys.iter().find(|key| key.record.id == id)
    }

    pub(crate) fn manifest(&self) -> Manifest {
        Manifest {
            generation: self.generation,
            unfinished: self.unfinished,
            keys: self.keys().cloned().collect(),
            tombstones: self.tombstones.clone(),
            ..Manifest::new(self.layout, self.cipher)
        }
    }

    /// Puts the keys in the order of a snapshot.
    pub(crate) fn sort(&mut self) {
        self.keys.sort_by(|one, other| {
            let (one, other) = (&one.record, &other.record);
            one.state
                .cmp(&other.state)
                .then_with(|| other.demoted.cmp(&one.demoted))
                .then_with(|| other.created.cmp(&one.created))
        });
    }
}

pub(crate) fn manifest_path(path: &Path, layout: Layout) -> PathBuf {
    path.join(layout.manifest())
}

/// A keyring owns its keys, and so does a snapshot.
pub(crate) fn copy(secret: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(secret.expose()).expect("a key has as many bytes as a key")
}
