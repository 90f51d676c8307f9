use crate::{CipherName, Error, ErrorKind, Key, Keyring, associated_data};

use zeroize::Zeroizing;

/// How jobs were stored before jobcrypt. A form is read only for the kinds whose policy names it,
/// and never guessed. None of them binds a context or names its key.
///
/// ```
/// use jobcrypt_ciphers::Secretbox;
/// use jobcrypt_core::{EncryptHook, Keyring, LegacyForm, Policy, SecretKey};
///
/// let keyring = Keyring::new(Secretbox::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring)
///     .default_policy(Policy::sealed().legacy(LegacyForm::River))
///     .build()?;
/// # let _ = hook;
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LegacyForm {
    /// The args are a JSON string of standard base64: what NaCl secretbox wrote, behind its nonce.
    PlainBox,
    /// The args are a JSON string: a Fernet token.
    PlainFernet,
    /// The args are an object with the marker, and under it standard base64 of what any encryptor
    /// wrote. River-shaped: what River Pro itself stores is not public.
    River,
}

/// A token without a key id costs a trial for each key.
const MOST_KEYS_TRIED: usize = 16;

impl LegacyForm {
    /// Returns a name for logs: `plain_box`, `plain_fernet` or `river`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlainBox => "plain_box",
            Self::PlainFernet => "plain_fernet",
            Self::River => "river",
        }
    }

    /// Opens what was stored in this form, with one of the keys that are allowed.
    pub(crate) fn open(
        self,
        text: &[u8],
        keyring: &Keyring,
        is_allowed: impl Fn(&Key) -> bool,
    ) -> Result<Vec<u8>, Error> {
        let body = self.decode(text)?;
        let keys = keyring
            .by_chance()
            .filter(|(_, key)| self.fits(key) && is_allowed(key));
        let mut unasked = None;
        for (position, key) in keys.take(MOST_KEYS_TRIED) {
            let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len()));
            let decrypted = key.encryptor().decrypt(&[], &body, &mut plaintext);
            if let Err(error) = decrypted {
                // A key that could not be asked may be the one.
                if error.is_retryable() {
                    unasked.get_or_insert(error.for_key(key.key_id()));
                }
            } else {
                // The body of a jc1 token, dressed up as a legacy one, ends in its context.
                if associated_data::is_framed(&plaintext) {
                    return Err(Error::new(
                        ErrorKind::AuthenticationFailed,
                        "it carries a context, so it was not written in this legacy form",
                    )
                    .for_key(key.key_id()));
                }
                keyring.note_fit(position);
                return Ok(std::mem::take(&mut *plaintext));
            }
        }
        Err(unasked.unwrap_or_else(|| {
            Error::new(
                ErrorKind::NoMatchingKey,
                "a job in a legacy form names no key, and none of those configured opens it",
            )
        }))
    }

    /// Whether a key may have written this form.
    pub(crate) fn fits(self, key: &Key) -> bool {
        match self {
            Self::PlainBox => key.cipher() == CipherName::SECRETBOX,
            Self::PlainFernet => key.cipher() == CipherName::FERNET,
            Self::River => true,
        }
    }

    pub(crate) fn decode(self, text: &[u8]) -> Result<Vec<u8>, Error> {
        let alphabet = match self {
            Self::PlainFernet => base64_simd::URL_SAFE,
            Self::PlainBox | Self::River => base64_simd::STANDARD,
        };
        let body = alphabet.decode_to_vec(text).unwrap_or_default();
        if body.is_empty() {
            return Err(Error::new(
                ErrorKind::Malformed,
                "this kind's legacy form is base64, and this is not",
            ));
        }
        Ok(body)
    }
}
