use std::{fmt, io, sync::Arc};

/// What is about to be done to a job that somebody may ask about later.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Audit<'a> {
    /// What is done.
    pub action: AuditAction,
    /// The table's name.
    pub table: &'a str,
    /// The job's id.
    pub id: &'a str,
    /// The job's kind.
    pub kind: &'a str,
}

/// What is done to a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AuditAction {
    /// Its args are shown to an operator.
    Reveal,
    /// Its args, which nothing vouches for, are sealed and so become trusted.
    Seal,
}

impl AuditAction {
    /// Returns a name for logs: `reveal` or `seal`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reveal => "reveal",
            Self::Seal => "seal",
        }
    }
}

/// Where audit lines go.
pub(crate) type Sink = dyn Fn(&Audit<'_>) -> io::Result<()> + Send + Sync;

#[derive(Clone)]
pub(crate) struct AuditSink(pub(crate) Arc<Sink>);

impl fmt::Debug for AuditSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuditSink")
    }
}
