use std::fmt;

use jobcrypt_core::{Error, ErrorKind, Key, KeyId, Keyring, KeyringBuilder};

/// What a [`KeySource`](crate::KeySource) held.
#[non_exhaustive]
pub struct Loaded {
    /// The keys.
    pub keyring: Keyring,
    /// What was odd and accepted all the same, such as "key 2 stood beside a line break".
    pub remarks: Vec<String>,
    /// The same for the same keys in the same order.
    pub fingerprint: String,
    /// The generation of the repository, where the source is one.
    pub generation: Option<u64>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loaded")
            .field("keyring", &self.keyring)
            .field("remarks", &self.remarks)
            .field("fingerprint", &self.fingerprint)
            .field("generation", &self.generation)
            .finish()
    }
}

/// Makes a keyring of `keys`, of which the first encrypts.
pub(crate) fn make_keyring(
    keys: Vec<Key>,
    retired: impl IntoIterator<Item = KeyId>,
) -> Result<Keyring, Error> {
    let mut keys = keys.into_iter();
    let primary = keys
        .next()
        .ok_or_else(|| Error::new(ErrorKind::InvalidConfiguration, "there is no key at all"))?;
    let keyring = keys.fold(Keyring::new(primary), KeyringBuilder::and);
    retired
        .into_iter()
        .fold(keyring, KeyringBuilder::retired)
        .build()
}
