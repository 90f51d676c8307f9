use std::{
    fmt,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jobcrypt_core::{
    AuditEvent, AuditSink, CipherName, Encryptor, Error, KeyId, Keyring, SecretKey,
};
use rustix::fs::Stat;

use crate::{
    FileError, Layout, RepositoryError, Rotation, Snapshot, Status,
    disk::{ARCHIVE, Disk},
    folder::Folder,
    keystone,
    lock::Lock,
    native,
};

/// A folder of keys at rest: one staged, one primary, secondaries, and the tombstones of those that
/// were retired.
///
/// Every change takes a lock, writes whole files beside the old ones, waits until they have reached
/// the disk, and only then lets them take their place. A crash at any point leaves a repository that
/// can be read and whose change can be run again.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = folder.path().join("keys");
/// use jobcrypt_core::CipherName;
/// use jobcrypt_keys::{KeyRepository, Usage};
///
/// let repository = KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305)?;
/// let staged = repository.snapshot()?.staged().map(|key| key.id);
///
/// let rotation = repository.begin_rotation()?;
/// // Under the lock: count the jobs that need each key.
/// let rotated = rotation.commit(&Usage::Unknown)?;
/// assert_eq!(Some(rotated.primary), staged);
///
/// let keyring = repository.keyring(jobcrypt_ciphers::encryptor)?;
/// assert_eq!(keyring.keys().count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KeyRepository {
    pub(crate) folder: Folder,
    pub(crate) layout: Layout,
    audit: Audit,
}

/// Where what becomes of keys is recorded, beside `tracing`.
#[derive(Default)]
struct Audit(Option<Box<dyn AuditSink>>);

/// How often a repository is read that changes meanwhile. A rotation takes less than one reading.
const READINGS: usize = 20;

impl KeyRepository {
    /// Makes a repository for keys of `cipher` at `path`, with a primary and a staged key. The folder
    /// is made, mode 0700; the one around it must be there. A setup that died is completed.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::AlreadySetUp`] where there is a whole one, and others where there is anything
    /// that could be lost. Nothing is overwritten.
    pub fn setup(path: impl AsRef<Path>, cipher: CipherName) -> Result<Self, RepositoryError> {
        crate::setup::run(path.as_ref(), Layout::Native, cipher, SystemTime::now())
    }

    /// Makes a repository that Keystone, or any program on Python's `cryptography` that works as it
    /// does, reads and rotates as well: files `1` and `0`, Fernet only.
    ///
    /// # Errors
    ///
    /// Those of [`setup`](Self::setup).
    pub fn setup_keystone(path: impl AsRef<Path>) -> Result<Self, RepositoryError> {
        let now = SystemTime::now();
        crate::setup::run(path.as_ref(), Layout::Keystone, CipherName::FERNET, now)
    }

    /// Opens the repository at `path`, in whichever layout it is.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::File`] when it is missing, belongs to another user or is open to others;
    /// [`RepositoryError::NoKeys`] when there is nothing in it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RepositoryError> {
        let folder = Folder::open(path.as_ref())?;
        folder.check_folder(ARCHIVE)?;
        let Some(layout) = Layout::detect(&folder)? else {
            return Err(RepositoryError::NoKeys {
                path: folder.path().to_owned(),
            });
        };
        Ok(Self::in_folder(folder, layout))
    }

    pub(crate) fn in_folder(folder: Folder, layout: Layout) -> Self {
        Self {
            folder,
            layout,
            audit: Audit::default(),
        }
    }

    /// Records what becomes of keys in this sink too: staged, promoted, retired, restored, destroyed, and rotations
    /// that were refused. Every event goes to `tracing` in any case.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let path = folder.path().join("keys");
    /// use jobcrypt_core::{AuditEvent, AuditSink, CipherName};
    /// use jobcrypt_keys::{KeyRepository, Usage};
    ///
    /// struct Printed;
    ///
    /// impl AuditSink for Printed {
    ///     fn record(&self, event: &AuditEvent<'_>) {
    ///         println!("{}", event.name()); // key.promoted, key.staged
    ///     }
    /// }
    ///
    /// KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305)?;
    /// let repository = KeyRepository::open(&path)?.audited(Printed);
    /// repository.begin_rotation()?.commit(&Usage::Unknown)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn audited(mut self, sink: impl AuditSink) -> Self {
        self.audit = Audit(Some(Box::new(sink)));
        self
    }

    pub(crate) fn record(&self, event: &AuditEvent<'_>) {
        event.trace();
        if let Some(sink) = &self.audit.0 {
            sink.record(event);
        }
    }

    /// Returns where the repository is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns how its files are laid out.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Reads all keys, as they were at one moment.
    ///
    /// # Errors
    ///
    /// [`RepositoryError`], naming the file, when one is missing, open to others, or holds no key.
    pub fn snapshot(&self) -> Result<Snapshot, RepositoryError> {
        for _ in 0..READINGS {
            let before = self.stamp()?;
            let snapshot = match self.layout {
                Layout::Keystone => keystone::load(&self.folder),
                Layout::Native => native::load(&self.folder),
            };
            if before == self.stamp()? {
                return snapshot;
            }
        }
        Err(RepositoryError::Changing {
            path: self.path().to_owned(),
        })
    }

    /// Reads all keys into a keyring, with encryptors that `make` makes, such as
    /// `jobcrypt_ciphers::encryptor`.
    ///
    /// # Errors
    ///
    /// Those of [`snapshot`](Self::snapshot) and of [`Snapshot::keyring`].
    pub fn keyring<M>(&self, make: M) -> Result<Keyring, RepositoryError>
    where
        M: Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error>,
    {
        Ok(self.snapshot()?.keyring(make)?)
    }

    /// Returns what to show of the repository. No key is in it.
    ///
    /// # Errors
    ///
    /// Those of [`snapshot`](Self::snapshot).
    pub fn status(&self) -> Result<Status, RepositoryError> {
        Ok(Status::of(&self.snapshot()?))
    }

    /// Takes the lock and checks all that a rotation needs, before anything is written.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Locked`] when another process has it; those of [`snapshot`](Self::snapshot);
    /// [`RepositoryError::Keyring`] when a key is weak or stands twice.
    pub fn begin_rotation(&self) -> Result<Rotation<'_>, RepositoryError> {
        self.begin_rotation_within(Duration::ZERO)
    }

    /// Like [`begin_rotation`](Self::begin_rotation), but waits for the lock for as long as `patience`.
    ///
    /// # Errors
    ///
    /// Those of [`begin_rotation`](Self::begin_rotation).
    pub fn begin_rotation_within(
        &self,
        patience: Duration,
    ) -> Result<Rotation<'_>, RepositoryError> {
        let lock = Lock::take(&self.folder, patience)?;
        Rotation::begin(self, lock, SystemTime::now())
    }

    /// Stages a new key where there is none: the repair after the file `0` was lost.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::AlreadyStaged`] where there is one; those of [`snapshot`](Self::snapshot).
    ///
    /// ```
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let path = folder.path().join("keys");
    /// # use jobcrypt_keys::KeyRepository;
    /// let repository = KeyRepository::setup_keystone(&path)?;
    /// std::fs::remove_file(path.join("0")).expect("it is there");
    /// let id = repository.stage()?;
    /// assert_eq!(repository.snapshot()?.staged().map(|key| key.id), Some(id));
    /// # Ok::<(), jobcrypt_keys::RepositoryError>(())
    /// ```
    pub fn stage(&self) -> Result<KeyId, RepositoryError> {
        let key_id = self.change(|snapshot, disk| crate::stage::run(self, snapshot, disk))?;
        self.record(&AuditEvent::KeyStaged { key_id });
        Ok(key_id)
    }

    /// Adds a key from elsewhere as a secondary, such as the one that a variable held until now.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Keyring`] when the key is weak or there already;
    /// [`RepositoryError::KeystoneLayout`] in Keystone's layout, which has room for one secondary.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let path = folder.path().join("keys");
    /// # use jobcrypt_core::{CipherName, SecretKey};
    /// # use jobcrypt_keys::KeyRepository;
    /// let repository = KeyRepository::setup(&path, CipherName::XCHACHA20_POLY1305)?;
    /// let old = SecretKey::generate()?;
    /// repository.add(CipherName::FERNET, old, Some("from the variable"))?;
    /// assert_eq!(repository.snapshot()?.keys().count(), 3);
    /// # Ok::<(), jobcrypt_keys::RepositoryError>(())
    /// ```
    pub fn add(
        &self,
        cipher: CipherName,
        key: SecretKey,
        alias: Option<&str>,
    ) -> Result<KeyId, RepositoryError> {
        self.change(|snapshot, disk| crate::stage::add(snapshot, disk, cipher, key, alias))
    }

    /// Brings a retired key back as a secondary.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NotRetired`] when it was not retired here;
    /// [`RepositoryError::Unrecoverable`] when its bytes are gone.
    pub fn restore(&self, id: KeyId) -> Result<(), RepositoryError> {
        self.change(|snapshot, disk| crate::archive::restore(&self.folder, snapshot, disk, id))?;
        self.record(&AuditEvent::KeyRestored { key_id: id });
        Ok(())
    }

    /// Removes the bytes of a retired key for ever. Its tombstone stays.
    ///
    /// Jobs that need it can never be read again, nor can copies of them in backups.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NotRetired`] when the key was not retired here: one in use is never destroyed.
    pub fn destroy(&self, id: KeyId) -> Result<(), RepositoryError> {
        self.change(|snapshot, disk| crate::archive::destroy(snapshot, disk, id))?;
        self.record(&AuditEvent::KeyDestroyed { key_id: id });
        Ok(())
    }

    /// Runs a small change under the lock.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(Snapshot, &dyn Disk) -> Result<T, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        let _lock = Lock::take(&self.folder, Duration::ZERO)?;
        change(self.snapshot()?, &self.folder)
    }

    /// Returns what changes when any file of keys does.
    fn stamp(&self) -> Result<Vec<Stamp>, FileError> {
        let mut stamps = Vec::new();
        for name in self.folder.names()? {
            let decides = name == self.layout.manifest() || keystone::number(&name).is_some();
            if !decides {
                continue;
            }
            // One that is gone meanwhile is missing from one of two stamps.
            if let Some(stat) = self.folder.stat(&name)? {
                stamps.push(Stamp::of(name, &stat));
            }
        }
        Ok(stamps)
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Audit")
    }
}

/// By what a file differs from the one that had its name before.
#[derive(Eq, PartialEq)]
struct Stamp {
    name: String,
    inode: u64,
    modified: (i64, u64),
    length: i64,
}

impl Stamp {
    #[allow(clippy::useless_conversion, reason = "the types differ among systems")]
    fn of(name: String, stat: &Stat) -> Self {
        Self {
            name,
            inode: stat.st_ino.into(),
            modified: (stat.st_mtime.into(), stat.st_mtime_nsec.into()),
            length: stat.st_size,
        }
    }
}
