use std::{fmt, sync::Arc};

use async_trait::async_trait;
use jobcrypt_core::{CipherName, Encryptor, Error, KeyProvider, Keyring, SecretKey};

use crate::{KeySource, KeySourceError, Loaded};

/// A [`KeySource`] with what makes encryptors of its keys; made by [`KeySource::provider`].
///
/// As a [`KeyProvider`] it reads the source again when a token names a key that is not there:
///
/// ```no_run
/// # async fn keys() -> Result<(), jobcrypt_core::Error> {
/// use jobcrypt_core::Keys;
/// use jobcrypt_keys::KeySource;
///
/// let source = KeySource::variable("APP_KEYS").provider(jobcrypt_ciphers::encryptor);
/// let keys = Keys::from_provider(source).await?;
/// # let _ = keys;
/// # Ok(())
/// # }
/// ```
pub struct KeyLoader {
    source: KeySource,
    make: Box<Make>,
}

type Make = dyn Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error> + Send + Sync;

impl KeyLoader {
    pub(crate) fn new<M>(source: KeySource, make: M) -> Self
    where
        M: Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error> + Send + Sync + 'static,
    {
        Self {
            source,
            make: Box::new(make),
        }
    }

    /// Reads the source.
    ///
    /// # Errors
    ///
    /// Those of [`KeySource::keyring`].
    pub fn load(&self) -> Result<Loaded, KeySourceError> {
        self.source.keyring(&*self.make)
    }

    pub(crate) fn source(&self) -> &KeySource {
        &self.source
    }
}

#[async_trait]
impl KeyProvider for KeyLoader {
    // Files of keys are small and local: reading one takes less than handing the task over would.
    async fn keyring(&self) -> Result<Keyring, Error> {
        match self.load() {
            Ok(loaded) => Ok(loaded.keyring),
            Err(error) => Err(Error::key_source_unavailable(error)),
        }
    }
}

impl fmt::Debug for KeyLoader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyLoader({})", self.source)
    }
}
