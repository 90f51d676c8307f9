use chacha20poly1305::{
    KeyInit,
    aead::{AeadInOut, inout::InOutBuf},
};
use jobcrypt_core::{CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey};

use crate::nonce;

/// XChaCha20-Poly1305 by RustCrypto's `chacha20poly1305`, whose ChaCha20-Poly1305 was audited by NCC
/// Group. Its nonce of 24 random bytes never runs out, and it binds the context natively.
///
/// A body is `nonce (24) || ciphertext || tag (16)`, as in draft-irtf-cfrg-xchacha-03.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{Encryptor, SecretKey};
///
/// let key = XChaCha20Poly1305::new(SecretKey::generate()?);
/// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
/// key.encrypt(b"context", b"args", &mut body)?;
/// key.decrypt(b"context", &body, &mut plaintext)?;
/// assert_eq!(plaintext, b"args");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
pub struct XChaCha20Poly1305 {
    key: SecretKey,
    key_id: KeyId,
}

const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

impl XChaCha20Poly1305 {
    /// Takes a key.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            key_id: key.id(CipherName::XCHACHA20_POLY1305),
            key,
        }
    }

    fn cipher(&self) -> chacha20poly1305::XChaCha20Poly1305 {
        chacha20poly1305::XChaCha20Poly1305::new(self.key.expose().into())
    }
}

impl Encryptor for XChaCha20Poly1305 {
    fn cipher(&self) -> CipherName {
        CipherName::XCHACHA20_POLY1305
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        Some(self.key.fingerprint())
    }

    fn binds_associated_data(&self) -> bool {
        true
    }

    fn encrypt(
        &self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let nonce = nonce::fresh::<NONCE_LEN>()?;
        body.reserve(NONCE_LEN + plaintext.len() + TAG_LEN);
        body.extend_from_slice(&nonce);
        let start = body.len();
        body.resize(start + plaintext.len(), 0);
        let buffer = InOutBuf::new(plaintext, &mut body[start..])
            .expect("the buffer was made as long as the plaintext");
        let tag = Self::cipher(self)
            .encrypt_inout_detached(&nonce.into(), associated_data, buffer)
            .map_err(|_| Error::new(ErrorKind::EncryptionFailed, "the args are too long"))?;
        body.extend_from_slice(&tag);
        Ok(())
    }

    fn decrypt(
        &self,
        associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (nonce, rest) = body.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or_else(refused)?;
        let start = plaintext.len();
        plaintext.resize(start + ciphertext.len(), 0);
        let buffer = InOutBuf::new(ciphertext, &mut plaintext[start..])
            .expect("the buffer was made as long as the ciphertext");
        // The tag is checked before anything is decrypted, so a failure leaves no plaintext behind.
        Self::cipher(self)
            .decrypt_inout_detached(nonce.into(), associated_data, buffer, tag.into())
            .map_err(|_| {
                plaintext.truncate(start);
                refused()
            })
    }
}
