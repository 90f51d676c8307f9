use crypto_secretbox::{AeadInPlace, KeyInit, XSalsa20Poly1305};
use jobcrypt_core::{CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey};

use crate::nonce;

/// NaCl secretbox (XSalsa20-Poly1305) by RustCrypto's `crypto_secretbox`: what River's documentation
/// uses, and what libsodium, PyNaCl and Go's x/crypto read and write. Its nonce of 24 random bytes
/// never runs out. It takes no associated data, so the context travels inside the plaintext.
///
/// A body is `nonce (24) || tag (16) || ciphertext`, the nonce in front of NaCl's own layout.
///
/// ```
/// use jobcrypt_ciphers::Secretbox;
/// use jobcrypt_core::{Encryptor, SecretKey};
///
/// let key = Secretbox::new(SecretKey::generate()?);
/// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
/// key.encrypt(&[], b"args", &mut body)?;
/// key.decrypt(&[], &body, &mut plaintext)?;
/// assert_eq!(plaintext, b"args");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Secretbox {
    key: SecretKey,
    key_id: KeyId,
}

const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

impl Secretbox {
    /// Takes a key.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            key_id: key.id(CipherName::SECRETBOX),
            key,
        }
    }

    fn cipher(&self) -> XSalsa20Poly1305 {
        XSalsa20Poly1305::new(self.key.expose().into())
    }
}

impl Encryptor for Secretbox {
    fn cipher(&self) -> CipherName {
        CipherName::SECRETBOX
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        Some(self.key.fingerprint())
    }

    fn encrypt(
        &self,
        _associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let nonce = nonce::fresh::<NONCE_LEN>()?;
        body.reserve(NONCE_LEN + TAG_LEN + plaintext.len());
        body.extend_from_slice(&nonce);
        let tag_at = body.len();
        body.extend_from_slice(&[0; TAG_LEN]);
        body.extend_from_slice(plaintext);
        let tag = Self::cipher(self)
            .encrypt_in_place_detached(&nonce.into(), &[], &mut body[tag_at + TAG_LEN..])
            .map_err(|_| Error::new(ErrorKind::EncryptionFailed, "the args are too long"))?;
        body[tag_at..tag_at + TAG_LEN].copy_from_slice(&tag);
        Ok(())
    }

    fn decrypt(
        &self,
        _associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (nonce, rest) = body.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let (tag, ciphertext) = rest.split_first_chunk::<TAG_LEN>().ok_or_else(refused)?;
        let start = plaintext.len();
        plaintext.extend_from_slice(ciphertext);
        // The tag is checked before anything is decrypted, so a failure leaves no plaintext behind.
        Self::cipher(self)
            .decrypt_in_place_detached(nonce.into(), &[], &mut plaintext[start..], tag.into())
            .map_err(|_| {
                plaintext.truncate(start);
                refused()
            })
    }
}
