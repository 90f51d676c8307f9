use dryoc::classic::crypto_aead_xchacha20poly1305_ietf::{
    crypto_aead_xchacha20poly1305_ietf_decrypt_detached as decrypt_detached,
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached as encrypt_detached,
};
use jobcrypt_core::{
    Batch, CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey,
};

use crate::nonce::{self, DrawnBatch, EncryptWith};

/// XChaCha20-Poly1305 by dryoc. Its nonce of 24 random bytes never runs out, and it binds the context
/// natively.
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
}

impl EncryptWith<NONCE_LEN> for XChaCha20Poly1305 {
    fn encrypt_with(
        &self,
        nonce: [u8; NONCE_LEN],
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let start = body.len();
        body.resize(start + NONCE_LEN + plaintext.len() + TAG_LEN, 0);
        let (nonce_out, rest) = body[start..].split_at_mut(NONCE_LEN);
        let (ciphertext, tag_out) = rest.split_at_mut(plaintext.len());
        nonce_out.copy_from_slice(&nonce);
        let mut tag = [0; TAG_LEN];
        let bound = Some(associated_data);
        if encrypt_detached(
            ciphertext,
            &mut tag,
            plaintext,
            bound,
            &nonce,
            self.key.expose(),
        )
        .is_err()
        {
            body.truncate(start);
            return Err(Error::new(
                ErrorKind::EncryptionFailed,
                "the args are too long",
            ));
        }
        tag_out.copy_from_slice(&tag);
        Ok(())
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
        self.encrypt_with(nonce::fresh()?, associated_data, plaintext, body)
    }

    fn batch(&self, count: usize) -> Result<Box<dyn Batch + '_>, Error> {
        DrawnBatch::draw(self, count)
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
        let (out, bound) = (&mut plaintext[start..], Some(associated_data));
        // The tag is checked before anything is written, so a failure leaves no plaintext behind.
        decrypt_detached(out, ciphertext, tag, bound, nonce, self.key.expose()).map_err(|_| {
            plaintext.truncate(start);
            refused()
        })
    }
}
