use std::sync::Arc;

use jobcrypt_core::{CipherName, Encryptor, Error, ErrorKind, SecretKey};

/// Makes an encryptor of the cipher of this name, for sources of keys that learn the name at run time.
/// An app that knows its cipher names the type instead.
///
/// # Errors
///
/// [`ErrorKind::InvalidConfiguration`] when no cipher of jobcrypt has the name, or its feature is not
/// part of this build.
///
/// ```
/// use jobcrypt_core::{CipherName, Encryptor, SecretKey};
///
/// # #[cfg(feature = "xchacha20poly1305")] {
/// let key = SecretKey::generate()?;
/// let encryptor = jobcrypt_ciphers::encryptor(CipherName::XCHACHA20_POLY1305, key)?;
/// assert!(encryptor.binds_associated_data());
/// # }
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[allow(
    unused_variables,
    clippy::needless_pass_by_value,
    reason = "a key has one owner, also in a build without ciphers"
)]
pub fn encryptor(cipher: CipherName, key: SecretKey) -> Result<Arc<dyn Encryptor>, Error> {
    match cipher {
        #[cfg(feature = "aes256gcm")]
        CipherName::AES_256_GCM => Ok(Arc::new(crate::Aes256Gcm::new(key))),
        #[cfg(feature = "aes256gcmsiv")]
        CipherName::AES_256_GCM_SIV => Ok(Arc::new(crate::Aes256GcmSiv::new(key))),
        #[cfg(feature = "chacha20poly1305")]
        CipherName::CHACHA20_POLY1305 => Ok(Arc::new(crate::ChaCha20Poly1305::new(key))),
        #[cfg(feature = "fernet")]
        CipherName::FERNET => Ok(Arc::new(crate::Fernet::new(key))),
        #[cfg(feature = "secretbox")]
        CipherName::SECRETBOX => Ok(Arc::new(crate::Secretbox::new(key))),
        #[cfg(feature = "xchacha20poly1305")]
        CipherName::XCHACHA20_POLY1305 => Ok(Arc::new(crate::XChaCha20Poly1305::new(key))),
        _ => Err(Error::new(
            ErrorKind::InvalidConfiguration,
            "this build of jobcrypt-ciphers has no cipher of that name; is its feature on?",
        )),
    }
}
