//! What the ciphers by AWS-LC have in common: a nonce of 12 random bytes in front of the ciphertext,
//! a tag of 16 behind it.

use std::fmt;

use aws_lc_rs::aead::{Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use jobcrypt_core::{Batch, CipherName, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey};

use crate::{
    nonce::{DrawnBatch, EncryptWith},
    use_count::UseCount,
};

/// A key with its schedule computed, and the count of nonces drawn for it.
pub(crate) struct AwsLcKey {
    /// "Less safe" because its caller brings the nonce; here they are random and drawn for this one use.
    key: LessSafeKey,
    key_id: KeyId,
    fingerprint: KeyFingerprint,
    use_count: UseCount,
}

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

impl AwsLcKey {
    pub(crate) fn new(cipher: CipherName, algorithm: &'static Algorithm, key: &SecretKey) -> Self {
        let unbound = UnboundKey::new(algorithm, key.expose())
            .expect("each algorithm here takes keys of 32 bytes");
        Self {
            key: LessSafeKey::new(unbound),
            key_id: key.id(cipher),
            fingerprint: key.fingerprint(),
            use_count: UseCount::of(cipher, key.id(cipher)),
        }
    }

    pub(crate) fn key_id(&self) -> KeyId {
        self.key_id
    }

    pub(crate) fn fingerprint(&self) -> KeyFingerprint {
        self.fingerprint
    }

    pub(crate) fn encrypt(
        &self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.encrypt_with(self.draw()?, associated_data, plaintext, body)
    }

    pub(crate) fn batch(&self, count: usize) -> Result<Box<dyn Batch + '_>, Error> {
        DrawnBatch::draw(self, count)
    }

    pub(crate) fn decrypt(
        &self,
        associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (nonce, rest) = body.split_first_chunk().ok_or_else(refused)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or_else(refused)?;
        let start = plaintext.len();
        plaintext.resize(start + ciphertext.len(), 0);
        self.key
            .open_separate_gather(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(associated_data),
                ciphertext,
                tag,
                &mut plaintext[start..],
            )
            .map_err(|_| {
                // AWS-LC may have written what it decrypted before it refused the tag.
                plaintext[start..].fill(0);
                plaintext.truncate(start);
                refused()
            })
    }
}

impl EncryptWith<NONCE_LEN> for AwsLcKey {
    fn count(&self, nonces: usize) {
        self.use_count.add(nonces);
    }

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
        let (ciphertext, tag) = rest.split_at_mut(plaintext.len());
        nonce_out.copy_from_slice(&nonce);
        self.key
            .seal_out_of_place_scatter(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated_data),
                plaintext,
                ciphertext,
                &[],
                tag,
            )
            .map_err(|_| {
                body.truncate(start);
                Error::new(ErrorKind::EncryptionFailed, "the args are too long")
            })
    }
}

impl fmt::Debug for AwsLcKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AwsLcKey")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Declares a cipher by AWS-LC, given the constant that names it here and there.
macro_rules! by_aws_lc {
    ($(#[$attribute:meta])* $name:ident: $cipher:ident) => {
        $(#[$attribute])*
        #[derive(Debug)]
        pub struct $name(crate::aws_lc_key::AwsLcKey);

        impl $name {
            /// Takes a key.
            #[must_use]
            #[allow(clippy::needless_pass_by_value, reason = "a key has one owner")]
            pub fn new(key: jobcrypt_core::SecretKey) -> Self {
                Self(crate::aws_lc_key::AwsLcKey::new(
                    jobcrypt_core::CipherName::$cipher,
                    &aws_lc_rs::aead::$cipher,
                    &key,
                ))
            }
        }

        impl jobcrypt_core::Encryptor for $name {
            fn cipher(&self) -> jobcrypt_core::CipherName {
                jobcrypt_core::CipherName::$cipher
            }

            fn key_id(&self) -> jobcrypt_core::KeyId {
                self.0.key_id()
            }

            fn fingerprint(&self) -> Option<jobcrypt_core::KeyFingerprint> {
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
            ) -> Result<(), jobcrypt_core::Error> {
                self.0.encrypt(associated_data, plaintext, body)
            }

            fn batch(
                &self,
                count: usize,
            ) -> Result<Box<dyn jobcrypt_core::Batch + '_>, jobcrypt_core::Error> {
                self.0.batch(count)
            }

            fn decrypt(
                &self,
                associated_data: &[u8],
                body: &[u8],
                plaintext: &mut Vec<u8>,
            ) -> Result<(), jobcrypt_core::Error> {
                self.0.decrypt(associated_data, body, plaintext)
            }
        }
    };
}
pub(crate) use by_aws_lc;
