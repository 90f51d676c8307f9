use std::{
    collections::HashSet,
    fmt, iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{Error, ErrorKind, Key, KeyFingerprint, KeyId, form::Form};

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
    keys: Vec<Arc<Key>>,
    retired: HashSet<KeyId>,
    /// The position of the key that opened a legacy form most recently.
    fitted_last: AtomicUsize,
}

/// Collects the keys of a [`Keyring`]; made by [`Keyring::new`].
#[must_use = "a keyring is checked and made by `build`"]
pub struct KeyringBuilder(Keyring);

impl Keyring {
    /// Begins a keyring with its primary, the key that encrypts.
    #[allow(clippy::new_ret_no_self)] // A keyring that was not checked must not exist.
    pub fn new(primary: impl Into<Key>) -> KeyringBuilder {
        KeyringBuilder(Self::of(vec![Arc::new(primary.into())], HashSet::new()))
    }

    /// Begins the keyring that comes after this one in a rotation: `primary` in front, all other keys
    /// of this one behind it. A key that was a secondary before is moved, and
    /// may then be used for what `primary` says, no longer for what was said of the secondary. [`Keys::rotate`](crate::Keys::rotate)
    /// does this in place.
    ///
    /// ```
    /// # use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
    /// # use jobcrypt_core::{Keyring, Keys, SecretKey};
    /// let keys: Keys = Keyring::new(Fernet::new(SecretKey::generate()?)).build()?.into();
    /// let new_key = XChaCha20Poly1305::new(SecretKey::generate()?);
    /// keys.swap(keys.snapshot().with_primary(new_key).build()?);
    /// assert_eq!(keys.snapshot().keys().count(), 2);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn with_primary(&self, primary: impl Into<Key>) -> KeyringBuilder {
        let primary = primary.into();
        let is_promoted =
            |key: &&Arc<Key>| key.key_id() == primary.key_id() && key.cipher() == primary.cipher();
        let others: Vec<_> = self
            .keys
            .iter()
            .filter(|key| !is_promoted(key))
            .cloned()
            .collect();
        let keys = iter::once(Arc::new(primary)).chain(others).collect();
        KeyringBuilder(Self::of(keys, self.retired.clone()))
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
    pub fn with_secondary(&self, secondary: impl Into<Key>) -> KeyringBuilder {
        KeyringBuilder(Self::of(self.keys.clone(), self.retired.clone())).and(secondary)
    }

    /// Begins this keyring with `successor` in front of the key of the id `of`: what that one sealed, the
    /// successor seals from now on. So a key that is not the primary rotates, such as one that is
    /// [bound](crate::Key::with_kinds) to some kinds, or the only one of a cipher that a policy asks for.
    ///
    /// Where no key has the id, the successor is a secondary.
    ///
    /// ```
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_core::{Key, Keyring, SecretKey};
    /// # let key = || SecretKey::generate().map(XChaCha20Poly1305::new);
    /// let for_cards = |cipher| Key::new(cipher).with_kinds(["charge_card"]);
    /// let keyring = Keyring::new(key()?).and(for_cards(key()?)).build()?;
    /// let old = keyring.keys().nth(1).expect("there are two").key_id();
    ///
    /// let keyring = keyring.with_successor(old, for_cards(key()?)).build()?;
    /// assert_eq!(keyring.keys().nth(2).expect("there are three").key_id(), old);
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn with_successor(&self, of: KeyId, successor: impl Into<Key>) -> KeyringBuilder {
        let mut keys = self.keys.clone();
        let place = keys.iter().position(|key| key.key_id() == of);
        keys.insert(place.unwrap_or(keys.len()), Arc::new(successor.into()));
        KeyringBuilder(Self::of(keys, self.retired.clone()))
    }

    /// Returns the key that encrypts, unless another is bound to a job's kind or its policy asks for another
    /// cipher.
    #[must_use]
    pub fn primary(&self) -> &Key {
        // A keyring is never empty: it begins with its primary.
        &self.keys[0]
    }

    /// Returns all keys, the primary first.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Key> + Clone {
        self.keys.iter().map(|key| &**key)
    }

    /// Whether the key of this id was retired on purpose.
    #[must_use]
    pub fn is_retired(&self, id: KeyId) -> bool {
        self.retired.contains(&id)
    }

    /// Returns the one key that a token of this form names, and the body behind its name.
    pub(crate) fn find<'a>(&self, form: Form, token: &'a [u8]) -> Option<(&Key, &'a [u8])> {
        self.keys()
            .find_map(|key| Some((key, key.body_of(form, token)?)))
    }

    /// Returns all keys with their positions, in the order in which to try them on a token that names
    /// none: the one that [fitted](Self::note_fit) last in front.
    pub(crate) fn by_chance(&self) -> impl Iterator<Item = (usize, &Key)> {
        let likely = self.fitted_last.load(Ordering::Relaxed);
        let others = self.keys().enumerate();
        iter::once((likely, &*self.keys[likely]))
            .chain(others.filter(move |(position, _)| *position != likely))
    }

    /// Notes that the key at `position` opened a token that names none.
    pub(crate) fn note_fit(&self, position: usize) {
        self.fitted_last.store(position, Ordering::Relaxed);
    }

    fn of(keys: Vec<Arc<Key>>, retired: HashSet<KeyId>) -> Self {
        Self {
            keys,
            retired,
            fitted_last: AtomicUsize::new(0),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let fingerprints: Vec<_> = self
            .keys()
            .map(|key| key.encryptor().fingerprint())
            .collect();
        for (position, key) in self.keys().enumerate() {
            if let Some(why) = self.fault(key, fingerprints[position].as_ref()) {
                return Err(self.refusal(position, why));
            }
            for (earlier, other) in self.keys().enumerate().take(position) {
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
    fn fault(&self, key: &Key, fingerprint: Option<&KeyFingerprint>) -> Option<&'static str> {
        if self.is_retired(key.key_id()) {
            return Some("it is retired; leave out the key, or its tombstone");
        }
        if key.is_shut() {
            return Some("an empty list of kinds or namespaces allows none");
        }
        fingerprint?.weakness()
    }

    fn refusal(&self, position: usize, why: &str) -> Error {
        let count = self.keys.len();
        let cipher = self.keys[position].cipher();
        Error::with_detail(
            ErrorKind::InvalidConfiguration,
            format!("key {} of {count} ({cipher}): {why}", position + 1),
        )
    }
}

/// Says what a key has in common with an earlier one that it must not.
fn clash(
    key: &Key,
    other: &Key,
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
    pub fn and(mut self, secondary: impl Into<Key>) -> Self {
        self.0.keys.push(Arc::new(secondary.into()));
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
    /// its bytes or half of them with another, is retired or bound to no kind at all, or is weak: shorter than 16 bytes, printable
    /// text, of two equal halves or of few different bytes, or printed in River's manual or the Fernet
    /// specification.
    pub fn build(self) -> Result<Keyring, Error> {
        self.0.check()?;
        Ok(self.0)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.keys()).finish()
    }
}

impl fmt::Debug for KeyringBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
