use dryoc::classic::crypto_secretbox::{crypto_secretbox_easy, crypto_secretbox_open_easy};
use jobcrypt_core::{
    Batch, CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey,
};

use crate::nonce::{self, DrawnBatch, EncryptWith};

/// NaCl secretbox (XSalsa20-Poly1305) by dryoc: what River's documentation uses, and what libsodium, PyNaCl and Go's x/crypto read and write. Its nonce of 24 random bytes
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
}

impl EncryptWith<NONCE_LEN> for Secretbox {
    fn encrypt_with(
        &self,
        nonce: [u8; NONCE_LEN],
        _associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let start = body.len();
        body.resize(start + NONCE_LEN + TAG_LEN + plaintext.len(), 0);
        let (nonce_out, sealed) = body[start..].split_at_mut(NONCE_LEN);
        nonce_out.copy_from_slice(&nonce);
        crypto_secretbox_easy(sealed, plaintext, &nonce, self.key.expose()).map_err(|_| {
            body.truncate(start);
            Error::new(ErrorKind::EncryptionFailed, "the args are too long")
        })
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
        _associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (nonce, sealed) = body.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let len = sealed.len().checked_sub(TAG_LEN).ok_or_else(refused)?;
        let start = plaintext.len();
        plaintext.resize(start + len, 0);
        // The tag is checked before anything is written, so a failure leaves no plaintext behind.
        crypto_secretbox_open_easy(&mut plaintext[start..], sealed, nonce, self.key.expose())
            .map_err(|_| {
                plaintext.truncate(start);
                refused()
            })
    }
}
