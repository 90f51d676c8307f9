use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jobcrypt_core::KeyId;
use zeroize::Zeroizing;

use crate::{Count, Error, Form, Selection, Table, table::Column};

/// What the two databases must be able to do; each has a file of its own, with the same names in it.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// The columns of a table and their types; none where there is no such table.
    async fn columns(&self, table: &str) -> Result<BTreeMap<String, String>, Error>;

    /// A table whose name differs from that which was asked for by capital letters only, where that makes it another.
    async fn other_case(&self, _: &str) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// How a column of this type holds its value, where the type says that.
    fn form_of(&self, type_name: &str) -> Option<Form>;

    /// Whether this is a copy that may be behind the database that is written.
    async fn is_replica(&self) -> Result<bool, Error> {
        Ok(false)
    }

    /// Counts what rests in all tables, at one moment: where there is patience, one in which nobody is in the middle of
    /// writing to them.
    async fn count(
        &self,
        tables: &[Table],
        patience: Option<Duration>,
    ) -> Result<Vec<Count>, Error>;

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

/// Says what each row of a page is to become.
pub(crate) type Change<'a> = dyn FnMut(&[Row]) -> Result<Vec<NewRow>, Error> + Send + 'a;

/// What a row becomes; whatever is `None` stays.
#[derive(Default)]
pub(crate) struct NewRow {
    pub(crate) args: Option<NewValue>,
    /// The further columns, as the row has them; none where none changes.
    pub(crate) further: Vec<Option<NewValue>>,
}

pub(crate) type NewValue = Zeroizing<Vec<u8>>;

/// A column of a page's rows that change in it, with what they hold and what they get.
pub(crate) struct NewColumn<'a> {
    pub(crate) column: &'a Column,
    pub(crate) is_args: bool,
    pub(crate) values: Vec<(&'a Row, &'a [u8], &'a [u8])>,
}

/// Returns the columns that change, args first.
pub(crate) fn changed<'a>(
    table: &'a Table,
    rows: &'a [Row],
    new: &'a [NewRow],
) -> Vec<NewColumn<'a>> {
    let pairs = || rows.iter().zip(new);
    let of_args = |(row, new): (&'a Row, &'a NewRow)| {
        let new = new.args.as_ref()?;
        Some((row, &row.stored[..], &new[..]))
    };
    let args = NewColumn {
        column: &table.args,
        is_args: true,
        values: pairs().filter_map(of_args).collect(),
    };
    let further = table.further.iter().enumerate().map(|(at, column)| {
        let value = |(row, new): (&'a Row, &'a NewRow)| {
            let new = new.further.get(at)?.as_ref()?;
            Some((row, &row.further[at][..], &new[..]))
        };
        NewColumn {
            column,
            is_args: false,
            values: pairs().filter_map(value).collect(),
        }
    });
    let all = std::iter::once(args).chain(further);
    all.filter(|column| !column.values.is_empty()).collect()
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
    /// Leaves out rows that have neither a marker nor, whatever the place, anything that looks like a token.
    pub(crate) only_with_tokens: bool,
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
    /// How many args were written.
    pub(crate) written: u64,
    /// How many values of further columns were written.
    pub(crate) further: u64,
    /// Values that another writer changed meanwhile.
    pub(crate) raced: u64,
    pub(crate) longest: usize,
}

impl Rewritten {
    pub(crate) fn of(rows: &[Row]) -> Self {
        Self {
            last: rows.last().map(|row| row.id.clone()),
            rows: rows.len() as u64,
            longest: rows.iter().map(Row::len).max().unwrap_or(0),
            ..Self::default()
        }
    }

    /// Notes how many values of a column were written.
    pub(crate) fn note(&mut self, column: &NewColumn<'_>, written: u64) {
        self.raced += column.values.len() as u64 - written;
        if column.is_args {
            self.written += written;
        } else {
            self.further += written;
        }
    }
}

impl Row {
    /// How long all of it is that was read.
    pub(crate) fn len(&self) -> usize {
        self.stored.len() + self.further.iter().map(Vec::len).sum::<usize>()
    }
}

/// What became of a page of parked jobs.
#[derive(Debug, Default)]
pub(crate) struct Unparked {
    pub(crate) last: Option<String>,
    pub(crate) written: u64,
}
