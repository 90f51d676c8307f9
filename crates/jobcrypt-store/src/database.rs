use std::collections::BTreeMap;

use async_trait::async_trait;
use jobcrypt_core::KeyId;
use zeroize::Zeroizing;

use crate::{Count, Error, Selection, Table};

/// What the two databases must be able to do; each has a file of its own, with the same names in it.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// The columns of a table and their types; none where there is no such table.
    async fn columns(&self, table: &str) -> Result<BTreeMap<String, String>, Error>;

    /// Whether this is a copy that may be behind the database that is written.
    async fn is_replica(&self) -> Result<bool, Error> {
        Ok(false)
    }

    /// Counts what rests in all tables, at one moment.
    async fn count(&self, tables: &[Table]) -> Result<Vec<Count>, Error>;

    /// Reads a page, in the order of ids.
    async fn rows(&self, table: &Table, page: &Page<'_>) -> Result<Vec<Row>, Error>;

    /// Reads a page and writes what `change` makes of its rows, to each that is still what it was.
    async fn rewrite(
        &self,
        table: &Table,
        page: &Page<'_>,
        change: &mut Change<'_>,
    ) -> Result<Rewritten, Error>;

    /// Makes parked jobs of a page available.
    async fn unpark(&self, table: &Table, page: &Page<'_>) -> Result<Unparked, Error>;
}

/// Gives the new args of each row of a page, or `None` to leave it.
pub(crate) type Change<'a> = dyn FnMut(&[Row]) -> Result<Vec<NewArgs>, Error> + Send + 'a;

pub(crate) type NewArgs = Option<Zeroizing<Vec<u8>>>;

/// Returns the rows that get new args, with them.
pub(crate) fn changed(rows: &[Row], new: Vec<NewArgs>) -> Vec<(&Row, Zeroizing<Vec<u8>>)> {
    let pairs = rows.iter().zip(new);
    pairs.filter_map(|(row, new)| Some((row, new?))).collect()
}

/// Which rows to read next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page<'a> {
    /// The id behind which it begins.
    pub(crate) after: Option<String>,
    pub(crate) limit: u32,
    pub(crate) selection: Selection,
    /// Leaves out jobs that are being worked.
    pub(crate) skips_running: bool,
    /// Leaves out args that have no marker, and those that are under the key given for their kind.
    /// A database to which that is no help may hand them over.
    pub(crate) only_stale: Option<&'a BTreeMap<String, KeyId>>,
    /// Reads the further columns too.
    pub(crate) with_further: bool,
}

/// A stored job.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) state: String,
    /// The args: JSON as text, or what the bytes are.
    pub(crate) stored: Zeroizing<Vec<u8>>,
    /// The further columns, empty where they are null.
    pub(crate) further: Vec<Vec<u8>>,
}

/// What became of a page.
#[derive(Debug, Default)]
pub(crate) struct Rewritten {
    /// The id of its last row; `None` where there was none.
    pub(crate) last: Option<String>,
    pub(crate) rows: u64,
    pub(crate) written: u64,
    /// Rows that another writer changed meanwhile.
    pub(crate) raced: u64,
    pub(crate) longest: usize,
}

impl Rewritten {
    pub(crate) fn of(rows: &[Row], written: u64, raced: u64) -> Self {
        Self {
            last: rows.last().map(|row| row.id.clone()),
            rows: rows.len() as u64,
            written,
            raced,
            longest: rows.iter().map(|row| row.stored.len()).max().unwrap_or(0),
        }
    }
}

/// What became of a page of parked jobs.
#[derive(Debug, Default)]
pub(crate) struct Unparked {
    pub(crate) last: Option<String>,
    pub(crate) written: u64,
}
