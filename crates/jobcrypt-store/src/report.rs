use jobcrypt_core::ErrorKind;

use crate::Status;

/// What a migration came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// How many rows were looked at, those met again later more than once.
    pub scanned: u64,
    /// How many jobs were moved; in a dry run, would have been.
    pub migrated: u64,
    /// How many of them named no key before.
    pub sealed: u64,
    /// How many further columns of jobs were written, since outputs, errors or values in them were moved.
    pub further: u64,
    /// How many jobs another writer changed meanwhile, and nobody moved afterwards.
    pub raced: u64,
    /// How many jobs could not be opened. They stay as they are.
    pub unreadable: u64,
    /// The first of them.
    pub unreadable_jobs: Vec<Unreadable>,
    /// How many jobs the database refuses to hold in the form that they were to get, such as JSON with `\u0000` in a column of
    /// the type `jsonb`. They stay as they are.
    pub unstorable: u64,
    /// The first of them.
    pub unstorable_jobs: Vec<Unstorable>,
    /// How many jobs are still under another key: those that could not be opened, those that are being
    /// worked, and those that somebody else has in hand. Another run meets them again.
    pub left: u64,
    /// How many tokens within args and in further columns are still under another key: single values whose
    /// [name](crate::MigrateOptions::value) was not given, those in bound fields, what could not be opened, and those of jobs
    /// that are left. On the way to plaintext, all that stay sealed. After
    /// [`kind_was`](crate::MigrateOptions::kind_was), all that may be bound to the name that their kind had.
    pub left_within: u64,
    /// Whether it was stopped.
    pub is_interrupted: bool,
    /// What rests in the tables now.
    pub status: Status,
}

/// A job that could not be opened, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The table's name.
    pub table: String,
    /// The job's id.
    pub id: String,
    /// The job's kind.
    pub kind: String,
    /// Why.
    pub class: ErrorKind,
}

/// A job that the database refused to hold as it was to become, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Unstorable {
    /// The table's name.
    pub table: String,
    /// The job's id.
    pub id: String,
    /// The job's kind.
    pub kind: String,
    /// What the database says.
    pub why: String,
}

/// How many unreadable jobs are listed; the rest are counted.
pub(crate) const LISTED: usize = 100;
