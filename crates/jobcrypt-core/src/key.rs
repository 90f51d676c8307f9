use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use tracing::warn;

use crate::{CipherName, Encryptor, KeyId, envelope, form::Form};

/// One key of a [`Keyring`](crate::Keyring): an encryptor, and what is known about its use.
///
/// An [`Encryptor`] by itself becomes one that may be used everywhere, so a keyring takes either.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{Key, Keyring, SecretKey};
///
/// let cards = Key::new(XChaCha20Poly1305::new(SecretKey::generate()?))
///     .with_alias("cards-2026")
///     .with_not_after(SystemTime::now() + Duration::from_secs(90 * 24 * 3600))
///     .with_kinds(["charge_card", "refund_card"])
///     .with_namespaces(["prod"]);
/// let everything_else = XChaCha20Poly1305::new(SecretKey::generate()?);
/// let keyring = Keyring::new(cards).and(everything_else).build()?;
/// assert_eq!(keyring.keys().next().and_then(Key::alias), Some("cards-2026"));
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
pub struct Key {
    encryptor: Arc<dyn Encryptor>,
    /// Asked once, so that a search among many keys calls no encryptor.
    cipher: CipherName,
    id: KeyId,
    /// How each token of this key begins, by its form.
    token_prefixes: [Box<[u8]>; 4],
    alias: Option<Box<str>>,
    not_after: Option<SystemTime>,
    /// `None` allows all, here and below.
    kinds: Option<Vec<Box<str>>>,
    namespaces: Option<Vec<Box<str>>>,
    was_reported_overdue: AtomicBool,
}

impl Key {
    /// Takes an encryptor.
    #[must_use]
    pub fn new(encryptor: impl Encryptor) -> Self {
        Self {
            cipher: encryptor.cipher(),
            id: encryptor.key_id(),
            token_prefixes: Form::ALL
                .map(|form| envelope::prefix(form, encryptor.cipher(), encryptor.key_id())),
            encryptor: Arc::new(encryptor),
            alias: None,
            not_after: None,
            kinds: None,
            namespaces: None,
            was_reported_overdue: AtomicBool::new(false),
        }
    }

    /// Gives the key a name for people. It stands in no token.
    #[must_use]
    pub fn with_alias(mut self, alias: impl Into<Box<str>>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// Sets the date after which another key should encrypt. From then on this one still does, and a
    /// warning says so, once: a date that was forgotten must not stop a queue.
    #[must_use]
    pub fn with_not_after(mut self, date: SystemTime) -> Self {
        self.not_after = Some(date);
        self
    }

    /// Binds the key to jobs of these kinds: it neither seals nor opens any other. Of two calls the last
    /// counts.
    #[must_use]
    pub fn with_kinds(mut self, kinds: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.kinds = Some(kinds.into_iter().map(Into::into).collect());
        self
    }

    /// Binds the key to hooks of these namespaces. Of two calls the last counts.
    #[must_use]
    pub fn with_namespaces(
        mut self,
        namespaces: impl IntoIterator<Item = impl Into<Box<str>>>,
    ) -> Self {
        self.namespaces = Some(namespaces.into_iter().map(Into::into).collect());
        self
    }

    /// Returns what encrypts and decrypts.
    #[must_use]
    pub fn encryptor(&self) -> &dyn Encryptor {
        &*self.encryptor
    }

    /// Returns the name of the cipher.
    #[must_use]
    pub const fn cipher(&self) -> CipherName {
        self.cipher
    }

    /// Returns the id that stands in tokens.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.id
    }

    /// Returns the name for people, if there is one.
    #[must_use]
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// Returns the date after which another key should encrypt, if there is one.
    #[must_use]
    pub const fn not_after(&self) -> Option<SystemTime> {
        self.not_after
    }

    /// Whether the key may be used for jobs of `kind`.
    #[must_use]
    pub fn allows_kind(&self, kind: &str) -> bool {
        is_allowed(self.kinds.as_deref(), kind)
    }

    /// Whether the key may be used by a hook of `namespace`.
    #[must_use]
    pub fn allows_namespace(&self, namespace: &str) -> bool {
        is_allowed(self.namespaces.as_deref(), namespace)
    }

    pub(crate) fn token_prefix(&self, form: Form) -> &[u8] {
        &self.token_prefixes[form.index()]
    }

    /// Returns the body of a token that names this key.
    pub(crate) fn body_of<'a>(&self, form: Form, token: &'a [u8]) -> Option<&'a [u8]> {
        // Tokens of one cipher begin alike and differ in their key ids, so those are looked at first:
        // eight bytes are one comparison.
        let prefix = self.token_prefix(form);
        let end = prefix.len();
        let of_key_id = end - 8..end;
        let named: &[u8; 8] = token.get(of_key_id.clone())?.try_into().ok()?;
        if named[..] != prefix[of_key_id] {
            return None;
        }
        token.strip_prefix(prefix)
    }

    /// Whether the key is for some kinds or namespaces only.
    pub(crate) const fn is_bound(&self) -> bool {
        self.kinds.is_some() || self.namespaces.is_some()
    }

    pub(crate) fn allows(&self, kind: &str, namespace: &str) -> bool {
        self.allows_kind(kind) && self.allows_namespace(namespace)
    }

    /// Whether a list of kinds or namespaces allows nothing at all.
    pub(crate) fn is_shut(&self) -> bool {
        let lists = [&self.kinds, &self.namespaces];
        lists.into_iter().flatten().any(Vec::is_empty)
    }

    /// Warns where the key encrypts after its date, once.
    pub(crate) fn report_overdue(&self) {
        let is_overdue = self.not_after.is_some_and(|date| date < SystemTime::now());
        if is_overdue && !self.was_reported_overdue.swap(true, Ordering::Relaxed) {
            warn!(target: "jobcrypt", key = %self.id, alias = self.alias(), "key.overdue");
        }
    }
}

fn is_allowed(allowed: Option<&[Box<str>]>, name: &str) -> bool {
    allowed.is_none_or(|allowed| allowed.iter().any(|other| **other == *name))
}

impl<E: Encryptor> From<E> for Key {
    fn from(encryptor: E) -> Self {
        Self::new(encryptor)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.cipher, self.id)?;
        match &self.alias {
            Some(alias) => write!(formatter, " ({alias:?})"),
            None => Ok(()),
        }
    }
}
