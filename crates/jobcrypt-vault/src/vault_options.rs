use std::{path::Path, sync::Arc, time::Duration};

use jobcrypt_core::{AuditSink, Keys};

use crate::{
    AuditAction, Pipeline, Value, Vault, VaultError, VaultId, audit::Auditor, contents::Contents,
    place::Place, save::Origin,
};

/// How a vault is opened; made by [`Vault::options`].
///
/// ```
/// # use jobcrypt_core::{Keyring, SecretKey};
/// # use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_audit::JsonLines;
/// use jobcrypt_vault::{AuditAction, Pipeline, Value, Vault};
///
/// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// # let folder = tempfile::tempdir()?;
/// # let (path, log) = (folder.path().join("credentials.vault"), folder.path().join("audit.jsonl"));
/// let actor = Pipeline::detect().actor().unwrap_or("nobody").to_owned();
/// let options = Vault::options(keyring)
///     .audit(JsonLines::append(&log).field("actor", &actor).open()?)
///     .action(AuditAction::Export);
/// let vault = options.create(&path, &Value::from_json(r#"{"api": {"key": "s3cret"}}"#)?)?;
/// vault.get(&"api.key".parse()?)?;
/// assert!(std::fs::read_to_string(&log)?.contains(r#""path":"api.key""#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options open nothing by themselves"]
pub struct VaultOptions {
    pub(crate) keys: Keys,
    pub(crate) auditor: Auditor,
    form: VaultForm,
    wanted: Option<VaultId>,
    pub(crate) patience: Duration,
}

/// The formats of a vault. Which one a file has shows in how it begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum VaultForm {
    /// One Fernet token over a JSON document, as Python's `credentials.enc` is. It has no readable names, and its whole text
    /// changes with each value.
    Fernet,
    /// Readable names, one token for each value, any cipher.
    #[default]
    Jobcrypt,
}

/// How long to wait for another process that changes the vault.
const PATIENCE: Duration = Duration::from_secs(10);

impl VaultOptions {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            keys,
            auditor: Auditor {
                sinks: Vec::new(),
                action: AuditAction::default(),
                pipeline: Pipeline::detect(),
            },
            form: VaultForm::default(),
            wanted: None,
            patience: PATIENCE,
        }
    }

    /// Has this sink keep an [`AuditEvent::ValueReleased`](jobcrypt_core::AuditEvent::ValueReleased) before each value is
    /// released; where it cannot, the value is not. Several sinks may be named; one that comes before may then tell of a
    /// value that was not released.
    pub fn audit(mut self, sink: impl AuditSink) -> Self {
        self.auditor.sinks.push(Arc::new(sink));
        self
    }

    /// Says what the values are wanted for: [`AuditAction::Get`] unless set.
    pub fn action(mut self, action: AuditAction) -> Self {
        self.auditor.action = action;
        self
    }

    /// Says who runs this process: [`Pipeline::detect`] unless set.
    pub fn pipeline(mut self, pipeline: Pipeline) -> Self {
        self.auditor.pipeline = pipeline;
        self
    }

    /// Creates vaults in this format: [`VaultForm::Jobcrypt`] unless set. Those that are there are opened in theirs.
    pub fn form(mut self, form: VaultForm) -> Self {
        self.form = form;
        self
    }

    /// Opens the vault of this id only. Without it, a file of another vault under the same key may stand in its place.
    pub fn only(mut self, id: VaultId) -> Self {
        self.wanted = Some(id);
        self
    }

    /// Waits so long for another process that changes the vault: 10 seconds unless set.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens the vault at `path`. A link is followed. One pass over the file authenticates it; no value is decrypted
    /// before it is asked for.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongKey`] and [`VaultError::KeyMissing`] for the keys, [`VaultError::Damaged`],
    /// [`VaultError::Foreign`] and [`VaultError::UnsupportedVersion`] for the file.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Vault, VaultError> {
        self.read(Arc::new(Place::find(path.as_ref())?))
    }

    /// Opens a vault that is given as text, such as a version of it from git. It cannot be saved.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn parse(&self, text: impl AsRef<[u8]>) -> Result<Vault, VaultError> {
        let contents = Contents::parse(text.as_ref(), self.keys.clone())?;
        self.check_id(contents.id())?;
        Ok(Vault {
            contents,
            auditor: self.auditor.clone(),
            patience: self.patience,
            keys: self.keys.clone(),
            origin: None,
        })
    }

    /// Creates a vault at `path` that holds `values`, an object. The file is for its owner only (mode 0600).
    ///
    /// # Errors
    ///
    /// [`VaultError::FileExists`] when there is anything at `path`, also a link; [`VaultError::BadValue`] when `values` are
    /// no object or a name stands twice.
    pub fn create(&self, path: impl AsRef<Path>, values: &Value) -> Result<Vault, VaultError> {
        let place = Arc::new(Place::for_new(path.as_ref())?);
        let mut vault = self.make(values)?;
        let text = vault.to_text()?;
        let lock = place.lock(self.patience)?;
        place.create(text.as_bytes())?;
        drop(lock);
        vault.contents = Contents::parse(text.as_bytes(), self.keys.clone())?;
        vault.origin = Some(Origin::new(place, text.into_bytes()));
        Ok(vault)
    }

    /// Makes a vault that holds `values`, an object, and has no file.
    ///
    /// # Errors
    ///
    /// [`VaultError::BadValue`] when `values` are no object or a name stands twice.
    pub fn make(&self, values: &Value) -> Result<Vault, VaultError> {
        let mut vault = Vault {
            contents: Contents::new(self.form, self.keys.clone())?,
            auditor: self.auditor.clone(),
            patience: self.patience,
            keys: self.keys.clone(),
            origin: None,
        };
        vault.set(&crate::ValuePath::root(), values)?;
        Ok(vault)
    }

    /// Opens the vault at `path`, lets `change` change it, and saves it, while no other process can. Returns what `change`
    /// returns; on an error of its, nothing is written.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`Vault::save`], and those of `change`.
    ///
    /// ```
    /// # use jobcrypt_core::{Keyring, SecretKey};
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_vault::{Value, Vault, VaultError};
    /// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("credentials.vault");
    /// # let options = Vault::options(keyring);
    /// # options.create(&path, &Value::from_json("{}")?)?;
    /// options.update(&path, |vault| vault.set(&"database.port".parse()?, &Value::number("5432")?))?;
    /// assert_eq!(options.open(&path)?.get_as::<u16>(&"database.port".parse()?)?, 5432);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update<T, E: From<VaultError>>(
        &self,
        path: impl AsRef<Path>,
        change: impl FnOnce(&mut Vault) -> Result<T, E>,
    ) -> Result<T, E> {
        let place = Arc::new(Place::find(path.as_ref())?);
        let _lock = place.lock(self.patience)?;
        let mut vault = self.read(Arc::clone(&place))?;
        let done = change(&mut vault)?;
        vault.save_locked(|_| Ok(()))?;
        Ok(done)
    }

    /// Reads the vault that lies there.
    pub(crate) fn read(&self, place: Arc<Place>) -> Result<Vault, VaultError> {
        let mut file = place.read()?;
        let mut vault = self
            .parse(&*file.bytes)
            .map_err(|error| error.in_file(&place.path))?;
        vault.origin = Some(Origin::new(place, std::mem::take(&mut *file.bytes)));
        Ok(vault)
    }

    fn check_id(&self, found: Option<VaultId>) -> Result<(), VaultError> {
        match (self.wanted, found) {
            (Some(wanted), Some(found)) if wanted != found => Err(VaultError::Foreign {
                file: None,
                found,
                wanted,
            }),
            (Some(_), None) => Err(VaultError::damaged(
                "it is in the seed's format, which has no id to be asked for",
            )),
            _ => Ok(()),
        }
    }
}
