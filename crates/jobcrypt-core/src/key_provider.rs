use async_trait::async_trait;

use crate::{Error, Keyring};

/// A source of keys that can be asked again: a file that changes, a key service.
///
/// ```
/// use async_trait::async_trait;
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{Error, KeyProvider, Keyring, SecretKey};
///
/// struct FromFile(std::path::PathBuf);
///
/// #[async_trait]
/// impl KeyProvider for FromFile {
///     async fn keyring(&self) -> Result<Keyring, Error> {
///         // A source that takes its time is to be awaited instead.
///         let text = std::fs::read_to_string(&self.0).map_err(Error::key_source_unavailable)?;
///         let text = zeroize::Zeroizing::new(text);
///         Keyring::new(XChaCha20Poly1305::new(SecretKey::from_base64(&text)?)).build()
///     }
/// }
/// ```
///
/// The hook is then made of [`Keys::from_provider`](crate::Keys::from_provider), which needs the crate
/// `async-trait` for the implementation.
#[async_trait]
pub trait KeyProvider: Send + Sync + 'static {
    /// Returns the keys as they are now.
    ///
    /// # Errors
    ///
    /// [`Error::key_source_unavailable`] when the source cannot be asked; the keys in use stay.
    async fn keyring(&self) -> Result<Keyring, Error>;
}
