use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::{Error, ErrorKind, KeyProvider, Keyring};

/// A keyring that can be swapped while jobs are sealed and opened. Clones share it.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{Keyring, Keys, SecretKey};
///
/// let keys: Keys = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?))
///     .build()?
///     .into();
/// let shared = keys.clone();
/// keys.swap(Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?);
/// assert_eq!(
///     shared.snapshot().primary().key_id(),
///     keys.snapshot().primary().key_id(),
/// );
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Keys(Arc<Shared>);

struct Shared {
    current: RwLock<Arc<Keyring>>,
    source: Option<Source>,
}

struct Source {
    provider: Box<dyn KeyProvider>,
    interval: Duration,
    last: Mutex<LastReload>,
}

struct LastReload {
    at: Instant,
    succeeded: bool,
}

/// How often a source of keys is asked at most, unless set otherwise.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

impl Keys {
    /// Loads the keys from `provider`, and asks it again when a token names a key that is not
    /// there, at most every 10 seconds.
    ///
    /// # Errors
    ///
    /// Whatever the provider's first answer is, if it is an error.
    pub async fn from_provider(provider: impl KeyProvider) -> Result<Self, Error> {
        Self::from_provider_every(RELOAD_INTERVAL, provider).await
    }

    /// Like [`Keys::from_provider`], asking at most once an `interval`.
    ///
    /// # Errors
    ///
    /// Whatever the provider's first answer is, if it is an error.
    pub async fn from_provider_every(
        interval: Duration,
        provider: impl KeyProvider,
    ) -> Result<Self, Error> {
        let keyring = provider.keyring().await?;
        Ok(Self::sharing(
            keyring,
            Some(Source {
                provider: Box::new(provider),
                interval,
                // The first reload is not held back by the load just made: between the two, the
                // key of a job that another node sealed may have arrived.
                last: Mutex::new(LastReload {
                    at: Instant::now()
                        .checked_sub(interval)
                        .unwrap_or_else(Instant::now),
                    succeeded: true,
                }),
            }),
        ))
    }

    /// Returns the keyring in use. It stays as it is while the caller holds it.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Keyring> {
        // A reader or writer that panicked left a whole `Arc` behind.
        self.0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts `keyring` in the place of the one in use, for all clones at once.
    pub fn swap(&self, keyring: Keyring) {
        *self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
    }

    /// Asks the provider for the keys as they are now, unless it was asked within the interval.
    /// Returns whether a new keyring is in use; without a provider there never is.
    ///
    /// # Errors
    ///
    /// The provider's error. Within the interval after a failure,
    /// [`ErrorKind::KeySourceUnavailable`]. The keys in use stay.
    pub async fn reload(&self) -> Result<bool, Error> {
        let Some(source) = &self.0.source else {
            return Ok(false);
        };
        if !source.claim_turn()? {
            return Ok(false);
        }
        let loaded = source.provider.keyring().await;
        source.note(loaded.is_ok());
        self.swap(loaded?);
        Ok(true)
    }

    fn sharing(keyring: Keyring, source: Option<Source>) -> Self {
        Self(Arc::new(Shared {
            current: RwLock::new(Arc::new(keyring)),
            source,
        }))
    }
}

impl Source {
    /// Whether the provider may be asked now. One caller per interval gets a yes, so that ten
    /// thousand jobs under an unknown key cost one question.
    fn claim_turn(&self) -> Result<bool, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.at.elapsed() >= self.interval {
            last.at = Instant::now();
            return Ok(true);
        }
        if last.succeeded {
            return Ok(false);
        }
        Err(Error::new(
            ErrorKind::KeySourceUnavailable,
            "it failed a moment ago and is not asked again yet",
        ))
    }

    fn note(&self, succeeded: bool) {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .succeeded = succeeded;
    }
}

impl From<Keyring> for Keys {
    fn from(keyring: Keyring) -> Self {
        Self::sharing(keyring, None)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(formatter)
    }
}
