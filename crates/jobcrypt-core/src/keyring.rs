use std::{collections::HashSet, fmt, sync::Arc};

use crate::{Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, cipher_name};

/// Keys in memory: one primary, which encrypts, any number of secondaries, which only decrypt, and
/// the ids of keys that were retired. Ciphers mix freely.
///
/// A keyring never changes; to rotate, build the next one and [swap](crate::Keys::swap) it in.
///
/// ```
/// use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
/// use jobcrypt_core::{Keyring, SecretKey};
///
/// let new_key = SecretKey::generate()?;
/// let old_key = SecretKey::generate()?;
/// let keyring = Keyring::new(XChaCha20Poly1305::new(new_key))
///     .and(Fernet::new(old_key))
///     .build()?;
/// assert_eq!(keyring.primary().cipher().as_str(), "xchacha20poly1305");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
pub struct Keyring {
    /// The primary first.
    encryptors: Vec<Arc<dyn Encryptor>>,
    retired: HashSet<KeyId>,
}

/// Collects the keys of a [`Keyring`]; made by [`Keyring::new`].
#[must_use = "a keyring is checked and made by `build`"]
pub struct KeyringBuilder(Keyring);

impl Keyring {
    /// Begins a keyring with its primary, the key that encrypts.
    #[allow(clippy::new_ret_no_self)] // A keyring that was not checked must not exist.
    pub fn new(primary: impl Encryptor) -> KeyringBuilder {
        KeyringBuilder(Self {
            encryptors: vec![Arc::new(primary)],
            retired: HashSet::new(),
        })
    }

    /// Returns the key that encrypts.
    #[must_use]
    pub fn primary(&self) -> &dyn Encryptor {
        // A keyring is never empty: it begins with its primary.
        &*self.encryptors[0]
    }

    /// Returns all keys, the primary first.
    pub fn encryptors(&self) -> impl Iterator<Item = &dyn Encryptor> {
        self.encryptors.iter().map(|encryptor| &**encryptor)
    }

    /// Whether the key of this id was retired on purpose.
    #[must_use]
    pub fn is_retired(&self, id: KeyId) -> bool {
        self.retired.contains(&id)
    }

    /// Returns the one key that a token names.
    pub(crate) fn find(&self, cipher: &str, id: KeyId) -> Option<&dyn Encryptor> {
        self.encryptors()
            .find(|key| key.key_id() == id && key.cipher().as_str() == cipher)
    }

    fn check(&self) -> Result<(), Error> {
        let count = self.encryptors.len();
        let refuse = |position: usize, why: &str| {
            let cipher = self.encryptors[position].cipher();
            Err(Error::with_detail(
                ErrorKind::InvalidConfiguration,
                format!("key {} of {count} ({cipher}): {why}", position + 1),
            ))
        };
        let fingerprints: Vec<Option<KeyFingerprint>> =
            self.encryptors().map(Encryptor::fingerprint).collect();
        for (position, key) in self.encryptors.iter().enumerate() {
            if !cipher_name::is_valid(key.cipher().as_str().as_bytes()) {
                return refuse(position, "its cipher has no valid name");
            }
            if self.is_retired(key.key_id()) {
                return refuse(position, "it is retired; leave it out, or its tombstone");
            }
            let fingerprint = &fingerprints[position];
            if let Some(why) = fingerprint.and_then(|key| key.weakness()) {
                return refuse(position, &format!("{why}; generate a new key"));
            }
            for earlier in 0..position {
                let other = &self.encryptors[earlier];
                let first = earlier + 1;
                if let (Some(this), Some(that)) = (fingerprint, &fingerprints[earlier]) {
                    if this.same_key(that) && key.cipher() != other.cipher() {
                        return refuse(
                            position,
                            &format!(
                                "its bytes are those of key {first}, under another cipher; generate one for each"
                            ),
                        );
                    }
                    if !this.same_key(that) && this.shares_half(that) {
                        return refuse(
                            position,
                            &format!(
                                "half of its bytes are those of key {first}; generate it anew"
                            ),
                        );
                    }
                }
                if key.key_id() == other.key_id() {
                    return refuse(
                        position,
                        &format!("it is the same as key {first}; name each key once"),
                    );
                }
            }
        }
        Ok(())
    }
}

impl KeyringBuilder {
    /// Adds a secondary, a key that only decrypts: an old one until its jobs are gone, or a new one
    /// until every node has it.
    pub fn and(mut self, secondary: impl Encryptor) -> Self {
        self.0.encryptors.push(Arc::new(secondary));
        self
    }

    /// Notes that the key of this id was retired on purpose, so that its jobs are parked at once
    /// instead of waiting for it.
    pub fn retired(mut self, id: KeyId) -> Self {
        self.0.retired.insert(id);
        self
    }

    /// Makes the keyring.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`], naming the key by its position, when one is weak, stands
    /// twice, shares its bytes or half of them with another, or is retired.
    pub fn build(self) -> Result<Keyring, Error> {
        self.0.check()?;
        Ok(self.0)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = formatter.debug_list();
        for key in self.encryptors() {
            list.entry(&format_args!("{} {}", key.cipher(), key.key_id()));
        }
        list.finish()
    }
}

impl fmt::Debug for KeyringBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
