use std::{fmt, sync::Arc};

use jobcrypt_core::{AuditEvent, AuditSink};

use crate::{Pipeline, VaultError, VaultId};

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

/// Has it kept that values leave a vault, before they do.
#[derive(Clone)]
pub(crate) struct Auditor {
    pub(crate) sinks: Vec<Arc<dyn AuditSink>>,
    pub(crate) action: AuditAction,
    pub(crate) pipeline: Pipeline,
}

impl Auditor {
    /// Tells all sinks, in one call each.
    pub(crate) fn note(&self, paths: &[&str], vault: Option<VaultId>) -> Result<(), VaultError> {
        let vault = vault.map(|id| id.to_string());
        let pipeline = self.pipeline.to_string();
        let events: Vec<_> = paths
            .iter()
            .map(|path| AuditEvent::ValueReleased {
                vault: vault.as_deref(),
                path,
                action: self.action.as_str(),
                pipeline: &pipeline,
            })
            .collect();
        for event in &events {
            event.trace();
        }
        self.sinks
            .iter()
            .try_for_each(|sink| sink.record_first(&events))
            .map_err(VaultError::Audit)
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Auditor")
            .field("sinks", &self.sinks.len())
            .field("action", &self.action)
            .field("pipeline", &self.pipeline)
            .finish()
    }
}
