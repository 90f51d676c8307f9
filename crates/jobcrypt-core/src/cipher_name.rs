use std::{fmt, str::FromStr};

use crate::{Error, ErrorKind};

/// The name of an algorithm, as it stands in a token: 1 to 32 characters of `a-z`, `0-9` and `-`.
///
/// It names the algorithm and never the library behind it. Names of ciphers that are not
/// jobcrypt's own begin with `x-`, so that they never meet a later one of ours.
///
/// ```
/// use jobcrypt_core::CipherName;
///
/// const ROT13: CipherName = CipherName::new("x-rot13");
/// assert_eq!(ROT13.as_str(), "x-rot13");
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CipherName(&'static str);

impl CipherName {
    /// AES-256-GCM.
    pub const AES_256_GCM: Self = Self::new("aes256gcm");
    /// AES-256-GCM-SIV.
    pub const AES_256_GCM_SIV: Self = Self::new("aes256gcmsiv");
    /// ChaCha20-Poly1305 of RFC 8439.
    pub const CHACHA20_POLY1305: Self = Self::new("chacha20poly1305");
    /// Fernet: AES-128-CBC with HMAC-SHA256.
    pub const FERNET: Self = Self::new("fernet");
    /// NaCl secretbox: XSalsa20-Poly1305.
    pub const SECRETBOX: Self = Self::new("secretbox");
    /// XChaCha20-Poly1305.
    pub const XCHACHA20_POLY1305: Self = Self::new("xchacha20poly1305");

    /// The ciphers of jobcrypt, by name.
    pub const ALL: [Self; 6] = [
        Self::AES_256_GCM,
        Self::AES_256_GCM_SIV,
        Self::CHACHA20_POLY1305,
        Self::FERNET,
        Self::SECRETBOX,
        Self::XCHACHA20_POLY1305,
    ];

    /// Takes `name` as it is.
    ///
    /// # Panics
    ///
    /// When `name` is not 1 to 32 characters of `a-z`, `0-9` and `-`. In a `const` that is an error
    /// of the compiler.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(
            is_valid(name.as_bytes()),
            "a cipher's name is 1 to 32 characters of a-z, 0-9 and -"
        );
        Self(name)
    }

    /// Returns the name as it stands in a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Reads the name of one of jobcrypt's ciphers, as configuration spells it.
///
/// ```
/// use jobcrypt_core::CipherName;
///
/// assert_eq!("fernet".parse::<CipherName>()?, CipherName::FERNET);
/// assert!("rot13".parse::<CipherName>().is_err());
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
impl FromStr for CipherName {
    type Err = Error;

    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] for every other name.
    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|known| known.0 == name);
        known.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidConfiguration,
                "a cipher of jobcrypt is aes256gcm, aes256gcmsiv, chacha20poly1305, fernet, secretbox or xchacha20poly1305",
            )
        })
    }
}

impl fmt::Debug for CipherName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Display for CipherName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// Whether `name` keeps the rules of [`CipherName`].
pub(crate) const fn is_valid(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > 32 {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if !matches!(name[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        at += 1;
    }
    true
}
