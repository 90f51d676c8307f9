use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::{Error, ErrorKind, Key, KeyProvider, Keyring};

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
    is_running: bool,
}

/// One reload under way; over when dropped, also where its caller gave up.
struct Turn<'a>(&'a Source);

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
                    is_running: false,
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
    ///
    /// A hook compares its policies with its keys when it is built, not here: where no key is left that a kind may
    /// be sealed with, enqueueing it fails.
    pub fn swap(&self, keyring: Keyring) {
        *self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
    }

    /// Makes `primary` the key that encrypts, for all clones at once; the keys in use stay behind it.
    ///
    /// # Errors
    ///
    /// Those of [`KeyringBuilder::build`](crate::KeyringBuilder::build); the keys in use stay.
    ///
    /// ```
    /// # use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
    /// # use jobcrypt_core::{Keyring, Keys, SecretKey};
    /// let keys: Keys = Keyring::new(Fernet::new(SecretKey::generate()?)).build()?.into();
    /// keys.rotate(XChaCha20Poly1305::new(SecretKey::generate()?))?;
    /// assert_eq!(keys.snapshot().primary().cipher().as_str(), "xchacha20poly1305");
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    pub fn rotate(&self, primary: impl Into<Key>) -> Result<(), Error> {
        let mut current = self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(current.with_primary(primary).build()?);
        Ok(())
    }

    /// Asks the provider for the keys as they are now, unless it is being asked or was asked within
    /// the interval. Returns whether a new keyring is in use; without a provider there never is. What
    /// was swapped in meanwhile stays.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::KeySourceUnavailable`] when the provider fails, with its error as the source, and
    /// within the interval after that. The keys in use stay.
    pub async fn reload(&self) -> Result<bool, Error> {
        let Some(source) = &self.0.source else {
            return Ok(false);
        };
        let Some(turn) = source.claim_turn()? else {
            return Ok(false);
        };
        let before = self.snapshot();
        let loaded = source.provider.keyring().await;
        turn.note(loaded.is_ok());
        // Whatever class a provider's error has, it says nothing about the job.
        let loaded = loaded.map_err(|error| match error.kind() {
            ErrorKind::KeySourceUnavailable => error,
            _ => Error::key_source_unavailable(error),
        })?;
        let mut current = self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, &before) {
            *current = Arc::new(loaded);
        }
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
    /// Returns the turn to ask the provider, if it is due. One caller per interval gets it, and one at
    /// a time, so that ten thousand jobs under an unknown key cost one question.
    fn claim_turn(&self) -> Result<Option<Turn<'_>>, Error> {
        let mut last = self.last();
        if !last.is_running && last.at.elapsed() >= self.interval {
            last.at = Instant::now();
            last.is_running = true;
            return Ok(Some(Turn(self)));
        }
        if last.succeeded {
            return Ok(None);
        }
        Err(Error::new(
            ErrorKind::KeySourceUnavailable,
            "it failed a moment ago and is not asked again yet",
        ))
    }

    fn last(&self) -> MutexGuard<'_, LastReload> {
        // Whoever panicked with the lock left whole values behind.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    fn note(&self, succeeded: bool) {
        self.0.last().succeeded = succeeded;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.last().is_running = false;
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
