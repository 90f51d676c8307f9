use std::{fmt, io, sync::Arc};

use crate::{Pipeline, VaultError, VaultId};

/// A value that is about to leave the vault. It names the value and never holds it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Audit<'a> {
    /// The path of the value.
    pub path: &'a str,
    /// What it is wanted for.
    pub action: AuditAction,
    /// Who runs this process.
    pub pipeline: &'a Pipeline,
    /// The vault; `None` in the seed's format, which has no id.
    pub vault: Option<VaultId>,
}

/// What a value is wanted for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum AuditAction {
    /// Differences between vaults are shown.
    Diff,
    /// Values are edited in an editor.
    Edit,
    /// Values become the environment of a command.
    Exec,
    /// Values are written out in another format.
    Export,
    /// The program asked for a value.
    #[default]
    Get,
    /// Values become the environment of this process.
    Inject,
    /// Values are shown to a person.
    View,
}

impl AuditAction {
    /// Returns a name for logs, such as `get`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Diff => "diff",
            Self::Edit => "edit",
            Self::Exec => "exec",
            Self::Export => "export",
            Self::Get => "get",
            Self::Inject => "inject",
            Self::View => "view",
        }
    }
}

type Sink = dyn Fn(&Audit<'_>) -> io::Result<()> + Send + Sync;

/// Tells the sink, if there is one, before each value is released.
#[derive(Clone)]
pub(crate) struct Auditor {
    pub(crate) sink: Option<Arc<Sink>>,
    pub(crate) action: AuditAction,
    pub(crate) pipeline: Arc<Pipeline>,
}

impl Auditor {
    pub(crate) fn note(&self, path: &str, vault: Option<VaultId>) -> Result<(), VaultError> {
        let Some(sink) = &self.sink else {
            return Ok(());
        };
        let audit = Audit {
            path,
            action: self.action,
            pipeline: &self.pipeline,
            vault,
        };
        sink(&audit).map_err(|source| VaultError::Audit {
            path: path.to_owned(),
            source,
        })
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Auditor")
            .field("action", &self.action)
            .field("pipeline", &self.pipeline)
            .finish_non_exhaustive()
    }
}
