use std::{io, path::PathBuf};

/// Why stored jobs could not be counted, moved or shown.
///
/// Its text holds no args, keys or tokens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Tokens stand under another marker than the hook's, and none under its own.
    #[error(
        "refused: job {id} of {table} holds a token under another marker, and no job one under this; give the marker \
         that producers and workers set"
    )]
    AnotherMarker {
        /// The name of the table.
        table: String,
        /// The id of such a job.
        id: String,
    },
    /// The audit line could not be written, so what it would have said was not done.
    #[error("the audit line could not be written; what it would have said was not done")]
    Audit(#[source] io::Error),
    /// The connection to the database was lost, or another writer held what was needed.
    #[error("the database did not answer: {0}; run the same again")]
    Connection(String),
    /// The database refused.
    #[error("the database could not be used: {0}")]
    Database(String),
    /// The hook could not seal or open.
    #[error(transparent)]
    Hook(#[from] jobcrypt_core::Error),
    /// The user may not keep writers from a table, which is what a count between writes needs.
    #[error(
        "this user may not lock the table {0}, so that a job whose insertion has not ended would not be counted; use one that may \
         update it"
    )]
    MayNotLock(String),
    /// There is no file of this name, and none is made.
    #[error("there is no file {}, and none is made; check the URL", .0.display())]
    NoFile(PathBuf),
    /// What was given as an id is none of this table.
    #[error("ids of {table} are {ids}")]
    NoId {
        /// The name of the table.
        table: String,
        /// What its ids are.
        ids: &'static str,
    },
    /// There is no job of this id.
    #[error("there is no job {0}; ids are those of the table's id column")]
    NoJob(String),
    /// There is no table of this name.
    #[error(
        "there is no table {0}; run the queue's own migrations, or name the table with its schema"
    )]
    NoTable(String),
    /// The table has no column of this name.
    #[error("the table {table} has no column {column}; describe the table as it is")]
    NoColumn {
        /// The name of the table.
        table: String,
        /// The name of the column.
        column: String,
    },
    /// No job that is sealed under a key at hand opens, so what this hook seals would not open elsewhere.
    #[error(
        "refused: no job opens that is sealed already, such as those of kind {kind} under key {key_id}; give the \
         namespace that producers and workers set"
    )]
    NothingOpens {
        /// A kind of those jobs.
        kind: String,
        /// The key that they name.
        key_id: jobcrypt_core::KeyId,
    },
    /// A table or column is called so but for its capital letters.
    #[error(
        "there is no {asked}, but {there}: capital letters count, and names are taken as they are given"
    )]
    OtherCase {
        /// What was asked for.
        asked: String,
        /// What is there.
        there: String,
    },
    /// What was asked for is not done, and why.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// A recorded sample cannot be read.
    #[error("line {0} of the recorded samples is none; move the file aside and record anew")]
    Sample(usize),
    /// A transaction that writes to the table has not ended for as long as there was patience.
    #[error(
        "the table {0} is being written to, and not all of that can be counted yet; try again once the transaction that writes to it \
         has ended"
    )]
    StillWritten(String),
    /// The database was not reached, and nothing has begun.
    #[error("the database cannot be reached: {0}; check that it runs where the URL says")]
    Unreachable(String),
    /// The column cannot hold what a job becomes.
    #[error("the column cannot hold what the job becomes: {0}")]
    Unstorable(String),
    /// The URL names no database that this build knows.
    #[error(
        "the URL must begin with postgres:// or sqlite://, without quotes around it, and this build must have that feature"
    )]
    Url,
}

/// Reduces what a database driver says to its code and message: its details may quote a row.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default();
                let text = format!("{} ({code})", refusal.message());
                if may_pass(&code) {
                    Self::Connection(text)
                } else {
                    Self::Database(text)
                }
            }
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => {
                Self::Connection(error.to_string())
            }
            _ => Self::Database(error.to_string()),
        }
    }
}

/// Whether the same statement may succeed a moment later: PostgreSQL lost a connection, shuts down,
/// saw a deadlock or waited too long for a lock; SQLite is busy.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn may_pass(code: &str) -> bool {
    ["08", "40", "57P"]
        .iter()
        .any(|class| code.len() == 5 && code.starts_with(class))
        || matches!(code, "55P03" | "5" | "6" | "261" | "517")
}
