use aws_lc_rs::aead;
use jobcrypt_core::{CipherName, Encryptor, Error, KeyFingerprint, KeyId, SecretKey};

use crate::aws_lc_key::AwsLcKey;

/// AES-256-GCM (NIST SP 800-38D) by AWS-LC: the fastest where the processor has AES instructions, and
/// what compliance asks for. It binds the context natively. Its nonce of 12 random bytes is good for
/// 2^32 tokens under one key, over all nodes; a warning is logged at 2^31 of one process.
///
/// A body is `nonce (12) || ciphertext || tag (16)`.
///
/// ```
/// use jobcrypt_ciphers::Aes256Gcm;
/// use jobcrypt_core::{Encryptor, SecretKey};
///
/// let key = Aes256Gcm::new(SecretKey::generate()?);
/// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
/// key.encrypt(b"context", b"args", &mut body)?;
/// key.decrypt(b"context", &body, &mut plaintext)?;
/// assert_eq!(plaintext, b"args");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Aes256Gcm(AwsLcKey);

impl Aes256Gcm {
    /// Takes a key.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "a key has one owner")]
    pub fn new(key: SecretKey) -> Self {
        Self(AwsLcKey::new(
            CipherName::AES_256_GCM,
            &aead::AES_256_GCM,
            &key,
        ))
    }
}

impl Encryptor for Aes256Gcm {
    fn cipher(&self) -> CipherName {
        CipherName::AES_256_GCM
    }

    fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        Some(self.0.fingerprint())
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
        self.0.encrypt(associated_data, plaintext, body)
    }

    fn decrypt(
        &self,
        associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.0.decrypt(associated_data, body, plaintext)
    }
}
