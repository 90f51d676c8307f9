use std::{
    fmt,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use jobcrypt_core::Keys;
use tracing::{error, info};

use crate::{KeyLoader, KeySourceError, Loaded, watch::Watch};

/// Keeps [`Keys`] as their source has them, in a thread of its own, until it is dropped.
///
/// It looks at the source once an interval, and on Linux as soon as a file in its folder changes. A
/// whole new keyring takes the place of the old one at once. Where the source cannot be read the keys in
/// use stay, and so they do where a repository is older than the one before: then someone has put back
/// a backup, and only a restart takes it.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = folder.path().join("keys");
/// use std::time::Duration;
///
/// use jobcrypt_core::CipherName;
/// use jobcrypt_keys::{KeyRepository, KeySource, Reload};
///
/// KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305)?;
/// let source = KeySource::directory(&path).provider(jobcrypt_ciphers::encryptor);
/// let (keys, reload) = Reload::start(source, Duration::from_secs(60))?;
/// assert_eq!(keys.snapshot().keys().count(), 2);
/// drop(reload); // the keys stay as they are from now on
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the keys are kept up to date until it is dropped"]
pub struct Reload {
    /// Closed to stop the thread.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    watch: Watch,
}

/// What is in use, to compare.
struct State {
    fingerprint: String,
    generation: Option<u64>,
    /// What was logged last, so that a source that stays away fills no log.
    complaint: Option<String>,
}

impl Reload {
    /// Loads the keys and starts to keep them up to date.
    ///
    /// # Errors
    ///
    /// Those of [`KeySource::keyring`](crate::KeySource::keyring), when the source cannot be read now.
    pub fn start(source: KeyLoader, interval: Duration) -> Result<(Keys, Self), KeySourceError> {
        // Before the first reading, so that no change falls in between.
        let watch = Watch::of(source.source().watched());
        let loaded = source.load()?;
        let mut state = State {
            fingerprint: loaded.fingerprint,
            generation: loaded.generation,
            complaint: None,
        };
        let keys = Keys::from(loaded.keyring);
        let (stop, stopped) = mpsc::channel();
        let (shared, waiting) = (keys.clone(), watch.clone());
        let thread = thread::spawn(move || {
            while waiting.wait(interval, &stopped) {
                state.look(&source, &shared);
            }
        });
        let reload = Self {
            stop: Some(stop),
            thread: Some(thread),
            watch,
        };
        Ok((keys, reload))
    }
}

impl Drop for Reload {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.watch.wake();
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed already.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reload")
    }
}

impl State {
    fn look(&mut self, source: &KeyLoader, keys: &Keys) {
        match source.load() {
            Ok(loaded) if loaded.fingerprint == self.fingerprint => self.complaint = None,
            Ok(loaded) if loaded.generation < self.generation => {
                self.complain(format!(
                    "{} is older than the keys in use; restart to take it",
                    source.source()
                ));
            }
            Ok(loaded) => self.take(loaded, source, keys),
            Err(error) => self.complain(error.to_string()),
        }
    }

    fn take(&mut self, loaded: Loaded, source: &KeyLoader, keys: &Keys) {
        let primary = loaded.keyring.primary().key_id();
        info!(target: "jobcrypt", source = %source.source(), %primary, "keys.reloaded");
        self.fingerprint = loaded.fingerprint;
        self.generation = loaded.generation;
        self.complaint = None;
        keys.swap(loaded.keyring);
    }

    fn complain(&mut self, complaint: String) {
        if self.complaint.as_ref() != Some(&complaint) {
            error!(target: "jobcrypt", "keys.not_reloaded: {complaint}; the keys in use stay");
            self.complaint = Some(complaint);
        }
    }
}
