use std::{fmt, str::FromStr};

use base64_simd::AsOut;
use sha2::{Digest, Sha256};

use crate::{CipherName, Error, ErrorKind};

/// The name of a key, as it stands in a token: 16 bytes, shown as 22 characters of base64url.
///
/// It is derived from the cipher and the key, so a list of keys needs no names and every node of
/// a deployment gives the same key the same name. It does not reveal the key. It does reveal that
/// two environments share a key, which they should not.
///
/// ```
/// use jobcrypt_core::{CipherName, KeyId};
///
/// let id = KeyId::derive(CipherName::SECRETBOX, &[7; 32]);
/// assert_eq!(id.to_string().len(), 22);
/// assert_eq!(id.to_string().parse::<KeyId>()?, id);
/// assert_ne!(id, KeyId::derive(CipherName::FERNET, &[7; 32]));
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// The length of an id as text, in characters.
    const TEXT_LEN: usize = 22;

    /// Derives the id of a key that `cipher` uses, from the key's bytes: the first 16 bytes of
    /// SHA-256 over `"jobcrypt/key-id/v1"`, a zero byte, the cipher's name, a zero byte and the key.
    #[must_use]
    pub fn derive(cipher: CipherName, key: &[u8]) -> Self {
        let digest = Sha256::new()
            .chain_update(b"jobcrypt/key-id/v1\0")
            .chain_update(cipher.as_str())
            .chain_update([0])
            .chain_update(key)
            .finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// Takes an id that was chosen elsewhere, for a key whose bytes never leave a remote service.
    ///
    /// Whoever names keys this way promises that one id means one key.
    #[must_use]
    pub const fn from_bytes(id: [u8; 16]) -> Self {
        Self(id)
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads an id out of a token; `None` unless it is the one canonical spelling.
    pub(crate) fn from_text(text: &[u8]) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut id = [0; 16];
        base64_simd::URL_SAFE_NO_PAD
            .decode(text, id.as_mut_slice().as_out())
            .ok()?;
        Some(Self(id))
    }
}

impl FromStr for KeyId {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when `text` is not 22 characters of canonical base64url.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_text(text.as_bytes()).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidConfiguration,
                "a key id is 22 characters of base64url without padding",
            )
        })
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0))
    }
}
