use std::{fmt, time::SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Error, ErrorKind, SecretKey};

/// Tells whether two jobs are the same without saying what they are: a keyed hash in the place of the plain one that a
/// queue makes of args, which lets whoever reads the table try what they may be.
///
/// The key is of its own: not one that encrypts, and all producers of a kind need the same. Hashed are the namespace, the
/// kind and the exact bytes of a value, so equal values of two kinds or environments have different hashes.
///
/// ```
/// use jobcrypt_core::{SecretKey, UniqueKeys};
///
/// let keys = UniqueKeys::new(SecretKey::generate()?).namespace("prod");
/// let hash = keys.hash("send_invoice", b"DE89370400440532013000")?;
/// assert_eq!(hash, keys.hash("send_invoice", b"DE89370400440532013000")?);
/// assert_ne!(hash, keys.hash("send_reminder", b"DE89370400440532013000")?);
/// assert!(hash.starts_with("jcu1."));
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
pub struct UniqueKeys {
    key: SecretKey,
    successor: Option<(SecretKey, SystemTime)>,
    namespace: Box<str>,
}

impl UniqueKeys {
    /// Hashes under this key.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            key,
            successor: None,
            namespace: "".into(),
        }
    }

    /// Sets the environment or tenant, as
    /// [`EncryptHookBuilder::namespace`](crate::EncryptHookBuilder::namespace) does.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<Box<str>>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Hashes under `key` from the time `at` on. Give it to all producers before then: those that do not have it by that
    /// time, or whose clocks differ, let the same job in twice.
    #[must_use]
    pub fn succeeded_by(mut self, key: SecretKey, at: SystemTime) -> Self {
        self.successor = Some((key, at));
        self
    }

    /// Returns the hash of a value for jobs of this kind: 48 characters.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] for a namespace or kind of more than 65,535 bytes.
    pub fn hash(&self, kind: &str, value: &[u8]) -> Result<String, Error> {
        self.hash_at(kind, value, SystemTime::now())
    }

    /// Returns the hashes under which the same job may be stored already: that of [`hash`](Self::hash), and, around the time
    /// when the key changes, that of the other key.
    ///
    /// A queue that looks for both before it stores under the first lets no job in twice that was stored under the
    /// former key, unless two producers store the same job in the moment of the change, each under its own.
    ///
    /// # Errors
    ///
    /// Those of [`hash`](Self::hash).
    pub fn hashes(&self, kind: &str, value: &[u8]) -> Result<Vec<String>, Error> {
        let now = SystemTime::now();
        let mut hashes = vec![self.hash_at(kind, value, now)?];
        if let Some((successor, at)) = &self.successor {
            let other = if now < *at { successor } else { &self.key };
            hashes.push(self.hash_under(other, kind, value)?);
        }
        Ok(hashes)
    }

    fn hash_at(&self, kind: &str, value: &[u8], now: SystemTime) -> Result<String, Error> {
        let key = match &self.successor {
            Some((successor, at)) if now >= *at => successor,
            _ => &self.key,
        };
        self.hash_under(key, kind, value)
    }

    fn hash_under(&self, key: &SecretKey, kind: &str, value: &[u8]) -> Result<String, Error> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
        mac.update(LABEL);
        for part in [&*self.namespace, kind] {
            let len = u16::try_from(part.len()).map_err(|_| {
                let detail = "a namespace or kind is longer than 65,535 bytes";
                Error::new(ErrorKind::InvalidConfiguration, detail)
            })?;
            mac.update(&len.to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(value);
        let hash = mac.finalize().into_bytes();
        Ok(PREFIX.to_owned() + &base64_simd::URL_SAFE_NO_PAD.encode_to_string(hash))
    }

    /// Whether a text is what [`hash`](Self::hash) returns, by its form.
    ///
    /// ```
    /// # use jobcrypt_core::{SecretKey, UniqueKeys};
    /// let keys = UniqueKeys::new(SecretKey::generate()?);
    /// assert!(UniqueKeys::is_hash(&keys.hash("charge_card", b"invoice-7")?));
    /// assert!(!UniqueKeys::is_hash("invoice-7"));
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    #[must_use]
    pub fn is_hash(text: &str) -> bool {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.strip_prefix(PREFIX)
            .is_some_and(|hash| hash.len() == LEN && hash.bytes().all(is_base64))
    }
}

/// What is hashed before all else, so that no other use of the key makes the same hash.
const LABEL: &[u8] = b"jobcrypt/unique/v1\0";
/// How a hash begins, so that it can be told from what is guessable.
const PREFIX: &str = "jcu1.";
/// How long the rest of it is: 32 bytes in base64.
const LEN: usize = 43;

impl fmt::Debug for UniqueKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UniqueKeys")
            .field("namespace", &self.namespace)
            .field("has_successor", &self.successor.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(first: u8) -> SecretKey {
        let byte = |at: usize| first.wrapping_add(u8::try_from(at).expect("a key is short"));
        SecretKey::from(std::array::from_fn(byte))
    }

    #[test]
    fn a_hash_is_told_by_all_of_its_form() {
        assert!(UniqueKeys::is_hash(KNOWN));
        for other in [
            "",
            "jcu1.",
            "jcu1.4111111111111111",
            &KNOWN[1..],
            &format!("{KNOWN}="),
        ] {
            assert!(!UniqueKeys::is_hash(other), "{other}");
        }
        assert!(!UniqueKeys::is_hash(&KNOWN.replace('-', ".")));
    }

    #[test]
    fn it_is_what_anybody_computes_who_has_the_key() {
        // python3: hmac.new(bytes(range(32)), b"jobcrypt/unique/v1\0" b"\0\x04prod" b"\0\x01k" b"v", "sha256")
        let hash = UniqueKeys::new(key(0)).namespace("prod").hash("k", b"v");
        assert_eq!(hash.expect("short names"), KNOWN);
    }

    const KNOWN: &str = "jcu1.KofM_CEGJlNRJz3-WdnX6ae-FLHtroH2Cf0_uL6Yz0w";

    #[test]
    fn no_two_contexts_make_the_same_hash() {
        let hash = |namespace: &str, kind: &str, value: &[u8]| {
            let keys = UniqueKeys::new(key(1)).namespace(namespace);
            keys.hash(kind, value).expect("short names")
        };
        let all = [
            hash("a", "b", b"c"),
            hash("ab", "", b"c"),
            hash("", "ab", b"c"),
            hash("a", "bc", b""),
            hash("a", "b", b"d"),
            UniqueKeys::new(key(2))
                .namespace("a")
                .hash("b", b"c")
                .expect("short names"),
        ];
        for (at, hash) in all.iter().enumerate() {
            assert!(!all[..at].contains(hash), "{at}");
        }
        assert!(
            UniqueKeys::new(key(1))
                .hash(&"k".repeat(65_536), b"")
                .is_err()
        );
    }

    #[test]
    fn all_producers_change_the_key_at_the_same_time() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let under =
            |keys: UniqueKeys, now: SystemTime| keys.hash_at("k", b"v", now).expect("short names");
        let [old, new] = [1, 2].map(|first| under(UniqueKeys::new(key(first)), at));
        let both = || UniqueKeys::new(key(1)).succeeded_by(key(2), at);
        assert_eq!(under(both(), at - Duration::from_secs(1)), old);
        assert_eq!(under(both(), at), new);
        assert_eq!(both().hashes("k", b"v").expect("short names"), [new, old]);
        assert!(!format!("{:?}", both()).contains('1'));
    }
}
