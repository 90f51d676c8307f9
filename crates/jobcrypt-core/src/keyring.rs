use std::{collections::HashSet, fmt, sync::Arc};

use crate::{Encryptor, Error, ErrorKind, KeyFingerprint, KeyId};

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

    /// Begins the keyring that comes after this one in a rotation: `primary` in front, all other keys
    /// of this one behind it. A key that was a secondary before is moved. [`Keys::rotate`](crate::Keys::rotate)
    /// does this in place.
    ///
    /// ```
    /// # use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
    /// # use jobcrypt_core::{Keyring, Keys, SecretKey};
    /// let keys: Keys = Keyring::new(Fernet::new(SecretKey::generate()?)).build()?.into();
    /// let new_key = XChaCha20Poly1305::new(SecretKey::generate()?);
    /// keys.swap(keys.snapshot().with_primary(new_key).build()?);
    /// assert_eq!(keys.snapshot().encryptors().count(), 2);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn with_primary(&self, primary: impl Encryptor) -> KeyringBuilder {
        let promoted = (primary.cipher(), primary.key_id());
        let mut next = Self::new(primary);
        let others = self.encryptors.iter().cloned();
        next.0
            .encryptors
            .extend(others.filter(|key| (key.cipher(), key.key_id()) != promoted));
        next.0.retired.clone_from(&self.retired);
        next
    }

    /// Begins this keyring with one more secondary: a new key, on its way to every node before any
    /// node encrypts with it.
    ///
    /// ```
    /// # use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
    /// # use jobcrypt_core::{Keyring, Keys, SecretKey};
    /// let keys: Keys = Keyring::new(Fernet::new(SecretKey::generate()?)).build()?.into();
    /// let new_key = XChaCha20Poly1305::new(SecretKey::generate()?);
    /// keys.swap(keys.snapshot().with_secondary(new_key).build()?);
    /// assert_eq!(keys.snapshot().primary().cipher().as_str(), "fernet");
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn with_secondary(&self, secondary: impl Encryptor) -> KeyringBuilder {
        KeyringBuilder(Self {
            encryptors: self.encryptors.clone(),
            retired: self.retired.clone(),
        })
        .and(secondary)
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
        let fingerprints: Vec<_> = self.encryptors().map(Encryptor::fingerprint).collect();
        for (position, key) in self.encryptors().enumerate() {
            if let Some(why) = self.fault(key, fingerprints[position].as_ref()) {
                return Err(self.refusal(position, why));
            }
            for (earlier, other) in self.encryptors().enumerate().take(position) {
                let pair = fingerprints[position]
                    .as_ref()
                    .zip(fingerprints[earlier].as_ref());
                if let Some(why) = clash(key, other, pair) {
                    let why = format!("{why} key {}", earlier + 1);
                    return Err(self.refusal(position, &why));
                }
            }
        }
        Ok(())
    }

    /// Says what is wrong with a key by itself.
    fn fault(
        &self,
        key: &dyn Encryptor,
        fingerprint: Option<&KeyFingerprint>,
    ) -> Option<&'static str> {
        if self.is_retired(key.key_id()) {
            return Some("it is retired; leave out the key, or its tombstone");
        }
        fingerprint?.weakness()
    }

    fn refusal(&self, position: usize, why: &str) -> Error {
        let count = self.encryptors.len();
        let cipher = self.encryptors[position].cipher();
        Error::with_detail(
            ErrorKind::InvalidConfiguration,
            format!("key {} of {count} ({cipher}): {why}", position + 1),
        )
    }
}

/// Says what a key has in common with an earlier one that it must not.
fn clash(
    key: &dyn Encryptor,
    other: &dyn Encryptor,
    fingerprints: Option<(&KeyFingerprint, &KeyFingerprint)>,
) -> Option<&'static str> {
    if key.key_id() == other.key_id() {
        return Some("it is the same as");
    }
    let (this, that) = fingerprints?;
    if this.same_key(that) {
        return Some("each cipher needs a key of its own, and its bytes are those of");
    }
    if this.shares_half(that) {
        return Some("half of its bytes are those of");
    }
    None
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
    /// [`ErrorKind::InvalidConfiguration`], naming the key by its position, when one stands twice, shares
    /// its bytes or half of them with another, is retired, or is weak: shorter than 16 bytes, printable
    /// text, of two equal halves or of few different bytes, or printed in River's manual or the Fernet
    /// specification.
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
