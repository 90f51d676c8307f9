use tracing::{debug, error, info, trace, warn};

use crate::{Error, KeyId, LegacyForm};

/// Something that an auditor may ask about later.
///
/// Each event has the fields of its variant and no others: names, numbers, ids of keys and classes of errors. There
/// is no place for args, keys or tokens. Kinds, ids of jobs and paths are the store's or the app's own text.
///
/// ```
/// use jobcrypt_core::{AuditEvent, AuditValue, Error, ErrorKind};
///
/// let event = AuditEvent::OpenFailed {
///     kind: "charge_card",
///     error: &Error::new(ErrorKind::Malformed, "it has no dots"),
/// };
/// assert_eq!(event.name(), "open.failed");
/// let fields: Vec<_> = event.fields().collect();
/// assert_eq!(fields[1], ("class", AuditValue::Text("malformed")));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AuditEvent<'a> {
    /// A hook that opens jobs and seals none was made.
    EncryptionDisabled {
        /// The hook's namespace.
        namespace: &'a str,
    },
    /// A hook that seals jobs was made.
    EncryptionEnabled {
        /// The hook's namespace.
        namespace: &'a str,
        /// The key that encrypts first.
        key_id: KeyId,
    },
    /// A job was opened.
    JobOpened {
        /// The job's kind.
        kind: &'a str,
        /// The key that opened it.
        key_id: KeyId,
    },
    /// A job is held aside, whole, until someone puts it back.
    JobParked {
        /// The job's kind.
        kind: &'a str,
        /// The queue's id of the job.
        job: &'a str,
        /// Why it cannot be opened.
        error: &'a Error,
    },
    /// The args of a stored job are about to be shown to an operator.
    JobRevealed {
        /// The table's name.
        table: &'a str,
        /// The job's id.
        job: &'a str,
        /// The job's kind.
        kind: &'a str,
    },
    /// A job was sealed. Whether the queue stored it is the queue's to say.
    JobSealed {
        /// The job's kind.
        kind: &'a str,
        /// The key that sealed it.
        key_id: KeyId,
    },
    /// A retired key was removed for ever.
    KeyDestroyed {
        /// The key.
        key_id: KeyId,
    },
    /// A staged key became the primary.
    KeyPromoted {
        /// The key.
        key_id: KeyId,
    },
    /// A retired key was brought back.
    KeyRestored {
        /// The key.
        key_id: KeyId,
    },
    /// A secondary that no job needs was retired.
    KeyRetired {
        /// The key.
        key_id: KeyId,
    },
    /// A new key was staged.
    KeyStaged {
        /// The key.
        key_id: KeyId,
    },
    /// A job names a key that is not there, also after the keys were loaded again.
    KeyUnknown {
        /// The key.
        key_id: KeyId,
        /// The job's kind.
        kind: &'a str,
    },
    /// A job in a legacy form was opened. Nothing binds such a job to its kind.
    LegacyAccepted {
        /// The job's kind.
        kind: &'a str,
        /// The form.
        form: LegacyForm,
    },
    /// Stored jobs were moved, or what of them could be.
    MigrateFinished {
        /// How many are under another key now.
        moved: u64,
        /// How many could not be opened.
        unreadable: u64,
    },
    /// Stored jobs begin to move.
    MigrateStarted {
        /// The primary, unless they leave encryption. A kind whose policy asks for another key moves to that.
        key_id: Option<KeyId>,
    },
    /// A job was not opened.
    OpenFailed {
        /// The job's kind.
        kind: &'a str,
        /// Why not.
        error: &'a Error,
    },
    /// A plaintext job of a kind that is sealed went to a worker.
    PlaintextAccepted {
        /// The job's kind.
        kind: &'a str,
    },
    /// A plaintext job was refused.
    PlaintextRejected {
        /// The job's kind.
        kind: &'a str,
    },
    /// A stored job that nothing vouches for is about to be sealed, and so to become trusted.
    PlaintextSealed {
        /// The table's name.
        table: &'a str,
        /// The job's id.
        job: &'a str,
        /// The job's kind.
        kind: &'a str,
    },
    /// A rotation was refused.
    RotateRefused {
        /// How many jobs need a key that would have gone.
        jobs: u64,
    },
    /// A value of a credential vault is about to leave it.
    ValueReleased {
        /// The vault's id, where its format has one.
        vault: Option<&'a str>,
        /// The path of the value.
        path: &'a str,
        /// What it is wanted for.
        action: &'a str,
        /// Who runs the process: a pipeline, or `local`.
        pipeline: &'a str,
    },
}

/// What a field of an [`AuditEvent`] holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditValue<'a> {
    /// A number of things.
    Count(u64),
    /// The id of a key.
    KeyId(KeyId),
    /// A name: printable or not, as the app or the store has it.
    Text(&'a str),
}

type Field<'a> = Option<(&'static str, AuditValue<'a>)>;

impl<'a> AuditEvent<'a> {
    /// Returns the name that logs and filters know it by, such as `job.sealed`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::EncryptionDisabled { .. } => "encryption.disabled",
            Self::EncryptionEnabled { .. } => "encryption.enabled",
            Self::JobOpened { .. } => "job.opened",
            Self::JobParked { .. } => "job.parked",
            Self::JobRevealed { .. } => "job.revealed",
            Self::JobSealed { .. } => "job.sealed",
            Self::KeyDestroyed { .. } => "key.destroyed",
            Self::KeyPromoted { .. } => "key.promoted",
            Self::KeyRestored { .. } => "key.restored",
            Self::KeyRetired { .. } => "key.retired",
            Self::KeyStaged { .. } => "key.staged",
            Self::KeyUnknown { .. } => "key.unknown",
            Self::LegacyAccepted { .. } => "legacy.accepted",
            Self::MigrateFinished { .. } => "migrate.finished",
            Self::MigrateStarted { .. } => "migrate.started",
            Self::OpenFailed { .. } => "open.failed",
            Self::PlaintextAccepted { .. } => "plaintext.accepted",
            Self::PlaintextRejected { .. } => "plaintext.rejected",
            Self::PlaintextSealed { .. } => "plaintext.sealed",
            Self::RotateRefused { .. } => "rotate.refused",
            Self::ValueReleased { .. } => "value.released",
        }
    }

    /// Returns its fields, each with its name, in the order of the documentation.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, AuditValue<'a>)> + use<'a> {
        let text = |name, text| Some((name, AuditValue::Text(text)));
        let count = |name, count| Some((name, AuditValue::Count(count)));
        let key = |id| Some(("key", AuditValue::KeyId(id)));
        let class = |error: &Error| text("class", error.kind().as_str());
        let fields: [Field<'a>; 4] = match *self {
            Self::EncryptionDisabled { namespace } => {
                [text("namespace", namespace), None, None, None]
            }
            Self::EncryptionEnabled { namespace, key_id } => {
                [text("namespace", namespace), key(key_id), None, None]
            }
            Self::JobOpened { kind, key_id } | Self::JobSealed { kind, key_id } => {
                [text("kind", kind), key(key_id), None, None]
            }
            Self::JobParked { kind, job, error } => [
                text("kind", kind),
                text("job", job),
                class(error),
                error.key_id().and_then(key),
            ],
            Self::JobRevealed { table, job, kind } | Self::PlaintextSealed { table, job, kind } => {
                [
                    text("table", table),
                    text("job", job),
                    text("kind", kind),
                    None,
                ]
            }
            Self::KeyDestroyed { key_id }
            | Self::KeyPromoted { key_id }
            | Self::KeyRestored { key_id }
            | Self::KeyRetired { key_id }
            | Self::KeyStaged { key_id } => [key(key_id), None, None, None],
            Self::KeyUnknown { key_id, kind } => [key(key_id), text("kind", kind), None, None],
            Self::LegacyAccepted { kind, form } => {
                [text("kind", kind), text("form", form.as_str()), None, None]
            }
            Self::MigrateFinished { moved, unreadable } => [
                count("moved", moved),
                count("unreadable", unreadable),
                None,
                None,
            ],
            Self::MigrateStarted { key_id } => [key_id.and_then(key), None, None, None],
            Self::OpenFailed { kind, error } => [
                text("kind", kind),
                class(error),
                error.key_id().and_then(key),
                None,
            ],
            Self::PlaintextAccepted { kind } | Self::PlaintextRejected { kind } => {
                [text("kind", kind), None, None, None]
            }
            Self::RotateRefused { jobs } => [count("jobs", jobs), None, None, None],
            Self::ValueReleased {
                vault,
                path,
                action,
                pipeline,
            } => [
                vault.and_then(|vault| text("vault", vault)),
                text("path", path),
                text("action", action),
                text("pipeline", pipeline),
            ],
        };
        fields.into_iter().flatten()
    }

    /// Emits it through `tracing`, under the target `jobcrypt`, in the span that the caller is in. The level says
    /// how much it matters: what happens to every job is TRACE, what somebody should look at is WARN or ERROR.
    pub fn trace(&self) {
        match *self {
            Self::EncryptionDisabled { namespace } => {
                warn!(target: "jobcrypt", ?namespace, "encryption.disabled");
            }
            Self::EncryptionEnabled { namespace, key_id } => {
                info!(target: "jobcrypt", ?namespace, key = %key_id, "encryption.enabled");
            }
            Self::JobOpened { kind, key_id } => {
                trace!(target: "jobcrypt", ?kind, key = %key_id, "job.opened");
            }
            Self::JobParked { kind, job, error } => {
                error!(target: "jobcrypt", ?kind, ?job, %error, "job.parked");
            }
            Self::JobRevealed { table, job, kind } => {
                warn!(target: "jobcrypt", ?table, ?job, ?kind, "job.revealed");
            }
            Self::JobSealed { kind, key_id } => {
                trace!(target: "jobcrypt", ?kind, key = %key_id, "job.sealed");
            }
            Self::KeyDestroyed { key_id } => {
                warn!(target: "jobcrypt", key = %key_id, "key.destroyed");
            }
            Self::KeyPromoted { key_id } => {
                info!(target: "jobcrypt", key = %key_id, "key.promoted");
            }
            Self::KeyRestored { key_id } => {
                info!(target: "jobcrypt", key = %key_id, "key.restored");
            }
            Self::KeyRetired { key_id } => info!(target: "jobcrypt", key = %key_id, "key.retired"),
            Self::KeyStaged { key_id } => info!(target: "jobcrypt", key = %key_id, "key.staged"),
            Self::KeyUnknown { key_id, kind } => {
                warn!(target: "jobcrypt", key = %key_id, ?kind, "key.unknown");
            }
            Self::LegacyAccepted { kind, form } => {
                warn!(target: "jobcrypt", ?kind, form = form.as_str(), "legacy.accepted");
            }
            Self::MigrateFinished { moved, unreadable } => {
                info!(target: "jobcrypt", moved, unreadable, "migrate.finished");
            }
            Self::MigrateStarted { key_id } => info!(
                target: "jobcrypt",
                key = key_id.map(tracing::field::display),
                "migrate.started"
            ),
            Self::OpenFailed { kind, error } => {
                debug!(target: "jobcrypt", ?kind, class = error.kind().as_str(), "open.failed");
            }
            Self::PlaintextAccepted { kind } => {
                warn!(target: "jobcrypt", ?kind, "plaintext.accepted");
            }
            Self::PlaintextRejected { kind } => {
                debug!(target: "jobcrypt", ?kind, "plaintext.rejected");
            }
            Self::PlaintextSealed { table, job, kind } => {
                info!(target: "jobcrypt", ?table, ?job, ?kind, "plaintext.sealed");
            }
            Self::RotateRefused { jobs } => warn!(target: "jobcrypt", jobs, "rotate.refused"),
            Self::ValueReleased {
                vault,
                path,
                action,
                pipeline,
            } => info!(target: "jobcrypt", vault, ?path, action, ?pipeline, "value.released"),
        }
    }
}
