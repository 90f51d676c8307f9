use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::{CipherName, Error, ErrorKind, KeyFingerprint, KeyId};

/// 32 secret bytes, the size that every cipher of jobcrypt takes.
///
/// Wiped when dropped; it has no `Clone`, no `Serialize`, and its `Debug` shows nothing.
///
/// ```
/// use jobcrypt_core::SecretKey;
///
/// let key = SecretKey::generate()?;
/// let again = SecretKey::from_base64(&key.to_base64())?;
/// assert_eq!(key.expose(), again.expose());
/// assert_eq!(format!("{key:?}"), "SecretKey(..)");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
// Boxed, so that a move leaves no copy behind on the stack.
pub struct SecretKey(Box<Zeroizing<[u8; 32]>>);

impl SecretKey {
    /// Makes a new key from the operating system's random number generator.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EncryptionFailed`] when the generator fails.
    pub fn generate() -> Result<Self, Error> {
        let mut key = Box::new(Zeroizing::new([0; 32]));
        getrandom::fill(key.as_mut_slice()).map_err(|_| {
            Error::new(
                ErrorKind::EncryptionFailed,
                "the operating system gave no random bytes",
            )
        })?;
        Ok(Self(key))
    }

    /// Takes the bytes of a key. The caller's copy is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when there are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut key = Box::new(Zeroizing::new([0; 32]));
        if bytes.len() != key.len() {
            let hint = match bytes.len() {
                0 => "; is the variable empty?",
                48 => "; are these hex digits? write it in base64",
                _ => "",
            };
            return Err(Error::with_detail(
                ErrorKind::InvalidConfiguration,
                format!("a key is 32 bytes, this one has {}{hint}", bytes.len()),
            ));
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// Reads a key from base64, standard or URL-safe, padded or not. White space around it is
    /// ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when `text` is not base64 or not of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let text = text.trim().trim_end_matches('=');
        let alphabet = if text.contains(['+', '/']) {
            base64_simd::STANDARD_NO_PAD
        } else {
            base64_simd::URL_SAFE_NO_PAD
        };
        let bytes = alphabet.decode_to_vec(text).map_err(|_| {
            Error::new(
                ErrorKind::InvalidConfiguration,
                "a key is written in base64, and this is not",
            )
        })?;
        Self::from_bytes(&Zeroizing::new(bytes))
    }

    /// Writes the key as standard base64 with padding, 44 characters.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(base64_simd::STANDARD.encode_to_string(self.0.as_slice()))
    }

    /// Returns the bytes. Everything that reads a key goes through here.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the id of this key under `cipher`, see [`KeyId::derive`].
    #[must_use]
    pub fn id(&self, cipher: CipherName) -> KeyId {
        KeyId::derive(cipher, self.expose())
    }

    /// Returns what a keyring compares, see [`KeyFingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint::of(self.expose())
    }
}

impl From<[u8; 32]> for SecretKey {
    fn from(mut bytes: [u8; 32]) -> Self {
        let key = Self(Box::new(Zeroizing::new(bytes)));
        bytes.zeroize();
        key
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretKey(..)")
    }
}
