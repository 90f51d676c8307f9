use std::{borrow::Cow, error::Error as StdError, fmt};

use crate::KeyId;

/// Why something could not be sealed, opened or configured.
///
/// Its text names the job's kind and the key id where they are known, and what to do next. It never
/// holds args, keys or tokens, so it may be logged and stored.
///
/// ```
/// use jobcrypt_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::EncryptionFailed, "the HSM session has expired");
/// assert_eq!(error.kind(), ErrorKind::EncryptionFailed);
/// assert!(!error.kind().is_retryable());
/// ```
#[derive(thiserror::Error)]
#[error("{fault}")]
pub struct Error {
    fault: Box<Fault>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

struct Fault {
    kind: ErrorKind,
    detail: Cow<'static, str>,
    job_kind: Option<Box<str>>,
    key_id: Option<KeyId>,
}

/// The classes of [`Error`], by what a queue does with the job.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Args that an app enqueued are an envelope already.
    AlreadySealed,
    /// The token was altered, or sealed for another kind, purpose or namespace.
    AuthenticationFailed,
    /// A readable field that is bound to the sealed ones is not what it was.
    BoundFieldChanged,
    /// The policy of the kind does not allow the token's cipher, or no key has an allowed one.
    CipherNotAllowed,
    /// A name on the way to a sealed or bound field stands twice.
    DuplicateField,
    /// The encryptor, or the system's random number generator, failed.
    EncryptionFailed,
    /// A place of a sealed field was removed, moved, overwritten or added.
    FieldChanged,
    /// Args lack a field that is to be sealed.
    FieldMissing,
    /// A key, keyring, policy or hook is not sound.
    InvalidConfiguration,
    /// The key is bound to other kinds or namespaces, or no key may seal this kind.
    KeyNotAllowed,
    /// The key was retired or destroyed on purpose.
    KeyRetired,
    /// The source of keys could not be asked.
    KeySourceUnavailable,
    /// What stands under the marker is not a token, or the args cannot be read at all.
    Malformed,
    /// Args that would be stored readable hold the marker.
    MarkerInArgs,
    /// No configured key fits. River's word for it is `ErrNoKeyDecrypted`.
    NoMatchingKey,
    /// Args of which fields are to be sealed are no JSON object.
    NotAnObject,
    /// The job is plaintext and its kind accepts sealed jobs only.
    PlaintextRejected,
    /// The token is of a version, or has an option, that this release does not know.
    UnsupportedVersion,
}

impl ErrorKind {
    /// Whether waiting can help: a key may still arrive, a source may come back.
    ///
    /// A job that fails otherwise is to be set aside, whole, until someone has mended the cause.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::KeySourceUnavailable | Self::NoMatchingKey)
    }

    /// Returns a name for logs and metrics, such as `no_matching_key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlreadySealed => "already_sealed",
            Self::AuthenticationFailed => "authentication_failed",
            Self::BoundFieldChanged => "bound_field_changed",
            Self::CipherNotAllowed => "cipher_not_allowed",
            Self::DuplicateField => "duplicate_field",
            Self::EncryptionFailed => "encryption_failed",
            Self::FieldChanged => "field_changed",
            Self::FieldMissing => "field_missing",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::KeyNotAllowed => "key_not_allowed",
            Self::KeyRetired => "key_retired",
            Self::KeySourceUnavailable => "key_source_unavailable",
            Self::Malformed => "malformed",
            Self::MarkerInArgs => "marker_in_args",
            Self::NoMatchingKey => "no_matching_key",
            Self::NotAnObject => "not_an_object",
            Self::PlaintextRejected => "plaintext_rejected",
            Self::UnsupportedVersion => "unsupported_version",
        }
    }

    const fn summary(self) -> &'static str {
        match self {
            Self::AlreadySealed => "the args are sealed already",
            Self::AuthenticationFailed => "the token does not belong here or was altered",
            Self::BoundFieldChanged => "a bound field was changed",
            Self::CipherNotAllowed => "the policy does not allow the cipher",
            Self::DuplicateField => "a field stands twice",
            Self::EncryptionFailed => "encryption failed",
            Self::FieldChanged => "the place of a sealed field was changed",
            Self::FieldMissing => "a field to be sealed is missing",
            Self::InvalidConfiguration => "the configuration is not sound",
            Self::KeyNotAllowed => "the key may not be used for this job",
            Self::KeyRetired => "the key was retired",
            Self::KeySourceUnavailable => "the source of keys is unavailable",
            Self::Malformed => "the stored args are malformed",
            Self::MarkerInArgs => "readable args hold the marker",
            Self::NoMatchingKey => "no configured key fits",
            Self::NotAnObject => "the args are no object",
            Self::PlaintextRejected => "the job is plaintext",
            Self::UnsupportedVersion => "the token is of an unknown version",
        }
    }

    const fn next_step(self) -> &'static str {
        match self {
            Self::AlreadySealed => {
                "hand over the args as the app made them, and install the hook once"
            }
            Self::AuthenticationFailed => {
                "compare the namespace and the kind with those of the producer; if they agree, the stored token was changed"
            }
            Self::BoundFieldChanged | Self::FieldChanged => {
                "the stored row was changed after it was sealed; put its readable fields back as they were"
            }
            Self::CipherNotAllowed => {
                "allow the cipher for this kind while there are such jobs, or add a key of one that is allowed"
            }
            Self::DuplicateField => "write each name once",
            Self::EncryptionFailed => "nothing was stored; enqueue again once the cause is gone",
            Self::FieldMissing => "enqueue it with the field, or make the field optional",
            Self::InvalidConfiguration => "",
            Self::KeyNotAllowed => {
                "allow the kind and the namespace for the key while there are such jobs, or add a key that is for them"
            }
            Self::KeyRetired => "restore the key if the job is still wanted",
            Self::KeySourceUnavailable => "the job waits until the source answers",
            Self::Malformed => "look at the stored row",
            Self::MarkerInArgs => {
                "rename that field, configure another marker, or let the policy admit sealed values"
            }
            Self::NoMatchingKey => {
                "add the key as a secondary, or wait until it has reached this node"
            }
            Self::NotAnObject => "enqueue an object, or seal the args as a whole",
            Self::PlaintextRejected => {
                "enqueue through the hook, or accept plaintext for this kind until old jobs are gone"
            }
            Self::UnsupportedVersion => "upgrade this node before those that enqueue",
        }
    }
}

impl Error {
    /// Makes an error of `kind`, with a `detail` that is part of the program and so holds no secret.
    #[must_use]
    pub fn new(kind: ErrorKind, detail: &'static str) -> Self {
        Self::with_detail(kind, detail)
    }

    /// Makes the error for a source of keys that could not be asked, because of `source`.
    ///
    /// It is the error's `source()`, and adapters log it: its text must not hold keys.
    #[must_use]
    pub fn key_source_unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(ErrorKind::KeySourceUnavailable, "")
        }
    }

    /// Like [`Error::new`], for a detail made of numbers and names that are no secrets.
    pub(crate) fn with_detail(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            fault: Box::new(Fault {
                kind,
                detail: detail.into(),
                job_kind: None,
                key_id: None,
            }),
            source: None,
        }
    }

    /// Returns the class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.fault.kind
    }

    /// Returns the kind of the job that met the error, where one did.
    #[must_use]
    pub fn job_kind(&self) -> Option<&str> {
        self.fault.job_kind.as_deref()
    }

    /// Returns the id of the key that is meant, where one is known.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        self.fault.key_id
    }

    /// Whether waiting can help, see [`ErrorKind::is_retryable`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.fault.kind.is_retryable()
    }

    pub(crate) fn for_job(mut self, kind: &str) -> Self {
        self.fault.job_kind = Some(kind.into());
        self
    }

    pub(crate) fn for_key(mut self, id: KeyId) -> Self {
        self.fault.key_id = Some(id);
        self
    }
}

/// What `main` prints when it returns the error: its class, all that `Display` says, and the source.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {self}", self.kind())?;
        match &self.source {
            Some(source) => write!(formatter, " ({source})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.summary())?;
        // A kind comes from a row that others may write: quoted and escaped, it stays on its line.
        if let Some(kind) = &self.job_kind {
            write!(formatter, " (job kind {kind:?}")?;
            if let Some(id) = &self.key_id {
                write!(formatter, ", key {id}")?;
            }
            formatter.write_str(")")?;
        } else if let Some(id) = &self.key_id {
            write!(formatter, " (key {id})")?;
        }
        if !self.detail.is_empty() {
            write!(formatter, ": {}", self.detail)?;
        }
        match self.kind.next_step() {
            "" => Ok(()),
            next_step => write!(formatter, "; {next_step}"),
        }
    }
}
