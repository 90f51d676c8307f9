use aws_lc_rs::aead;
use jobcrypt_core::{CipherName, Encryptor, Error, KeyFingerprint, KeyId, SecretKey};

use crate::aws_lc_key::AwsLcKey;

/// AES-256-GCM-SIV (RFC 8452) by AWS-LC: like AES-256-GCM, and a repeated nonce reveals no more than
/// that two args are equal. It binds the context natively. A warning is logged at 2^31 tokens of one
/// process under one key.
///
/// A body is `nonce (12) || ciphertext || tag (16)`.
///
/// ```
/// use jobcrypt_ciphers::Aes256GcmSiv;
/// use jobcrypt_core::{Encryptor, SecretKey};
///
/// let key = Aes256GcmSiv::new(SecretKey::generate()?);
/// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
/// key.encrypt(b"context", b"args", &mut body)?;
/// key.decrypt(b"context", &body, &mut plaintext)?;
/// assert_eq!(plaintext, b"args");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Aes256GcmSiv(AwsLcKey);

impl Aes256GcmSiv {
    /// Takes a key.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "a key has one owner")]
    pub fn new(key: SecretKey) -> Self {
        Self(AwsLcKey::new(
            CipherName::AES_256_GCM_SIV,
            &aead::AES_256_GCM_SIV,
            &key,
        ))
    }
}

impl Encryptor for Aes256GcmSiv {
    fn cipher(&self) -> CipherName {
        CipherName::AES_256_GCM_SIV
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
