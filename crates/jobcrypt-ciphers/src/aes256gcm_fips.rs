use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use jobcrypt_core::{CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey};
use zeroize::Zeroize;

use crate::use_count::UseCount;

/// AES-256-GCM inside the FIPS 140-3 module of AWS-LC: the module computes and draws the nonces.
///
/// It writes and reads the same tokens as [`Aes256Gcm`](crate::Aes256Gcm), under the same key ids: the name in
/// a token is that of the algorithm. [`FipsModule`] says which module it is. Whether a certificate covers
/// that version, on that platform, is for its holder to say.
///
/// ```
/// use jobcrypt_ciphers::Aes256GcmFips;
/// use jobcrypt_core::{Encryptor, SecretKey};
///
/// let key = Aes256GcmFips::new(SecretKey::generate()?)?;
/// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
/// key.encrypt(b"context", b"args", &mut body)?;
/// key.decrypt(b"context", &body, &mut plaintext)?;
/// assert_eq!(plaintext, b"args");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
pub struct Aes256GcmFips {
    key: RandomizedNonceKey,
    key_id: KeyId,
    fingerprint: KeyFingerprint,
    use_count: UseCount,
}

/// The module that [`Aes256GcmFips`] computes in, for a log at start.
///
/// ```
/// let module = jobcrypt_ciphers::FipsModule::find()?;
/// println!("{module}");
/// assert_eq!(module.name(), "AWS-LC");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FipsModule {
    version: &'static str,
    branch: Option<u32>,
}

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

impl Aes256GcmFips {
    /// Takes a key.
    ///
    /// # Errors
    ///
    /// Those of [`FipsModule::find`], and [`ErrorKind::InvalidConfiguration`] when the module fails.
    #[allow(clippy::needless_pass_by_value, reason = "a key has one owner")]
    pub fn new(key: SecretKey) -> Result<Self, Error> {
        FipsModule::find()?;
        let refused = "the module does not take the key";
        Ok(Self {
            key: RandomizedNonceKey::new(&AES_256_GCM, key.expose())
                .map_err(|_| Error::new(ErrorKind::InvalidConfiguration, refused))?,
            key_id: key.id(CipherName::AES_256_GCM),
            fingerprint: key.fingerprint(),
            use_count: UseCount::of(CipherName::AES_256_GCM, key.id(CipherName::AES_256_GCM)),
        })
    }
}

impl FipsModule {
    /// Finds the module that this program was built with.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when it is not in FIPS mode. Its self-tests ran when the program
    /// started; where one fails, the program ends there and then.
    pub fn find() -> Result<Self, Error> {
        let refused = "AWS-LC is not in FIPS mode, so nothing is encrypted in it";
        aws_lc_rs::try_fips_mode()
            .map_err(|_| Error::new(ErrorKind::InvalidConfiguration, refused))?;
        Ok(Self {
            version: aws_lc_rs::awslc_version(),
            branch: aws_lc_rs::fips_version(),
        })
    }

    /// Returns the name of the module.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        "AWS-LC"
    }

    /// Returns the release of the library that is linked, such as `3.4.0`.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// Returns the number of the module's release branch, where the library was built from one.
    #[must_use]
    pub const fn branch(&self) -> Option<u32> {
        self.branch
    }
}

impl Encryptor for Aes256GcmFips {
    fn cipher(&self) -> CipherName {
        CipherName::AES_256_GCM
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        Some(self.fingerprint)
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
        self.use_count.add(1);
        let start = body.len();
        body.reserve(NONCE_LEN + plaintext.len() + TAG_LEN);
        body.extend_from_slice(&[0; NONCE_LEN]);
        body.extend_from_slice(plaintext);
        let bound = Aad::from(associated_data);
        let sealed = self
            .key
            .seal_in_place_separate_tag(bound, &mut body[start + NONCE_LEN..]);
        let Ok((nonce, tag)) = sealed else {
            body[start..].zeroize();
            body.truncate(start);
            let detail = "the module has failed, or the args are too long";
            return Err(Error::new(ErrorKind::EncryptionFailed, detail));
        };
        body[start..start + NONCE_LEN].copy_from_slice(nonce.as_ref());
        body.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn decrypt(
        &self,
        associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (nonce, sealed) = body.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let len = sealed.len().checked_sub(TAG_LEN).ok_or_else(refused)?;
        let start = plaintext.len();
        plaintext.extend_from_slice(sealed);
        let opened = self.key.open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(associated_data),
            &mut plaintext[start..],
        );
        if opened.is_err() {
            plaintext[start..].zeroize();
            plaintext.truncate(start);
            return Err(refused());
        }
        plaintext.truncate(start + len);
        Ok(())
    }
}

impl fmt::Debug for Aes256GcmFips {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Aes256GcmFips")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// As in `AWS-LC 3.4.0, FIPS branch 3`.
impl fmt::Display for FipsModule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name(), self.version)?;
        match self.branch {
            Some(branch) => write!(formatter, ", FIPS branch {branch}"),
            None => Ok(()),
        }
    }
}
