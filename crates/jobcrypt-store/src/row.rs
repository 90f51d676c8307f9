//! A stored job as both databases hand it over.

use sqlx::{ColumnIndex, Decode, Type};
use zeroize::Zeroizing;

use crate::{Error, counts::RowToCount, database::Row};

/// Reads id, kind, state and args, and what further columns stand behind them.
pub(crate) fn read<'r, R>(row: &'r R) -> Result<Row, Error>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    // SQLite hands over text as the bytes that it is, and in PostgreSQL's binary results text and bytes are the same.
    let bytes = |at| row.try_get_unchecked::<Option<Vec<u8>>, _>(at);
    Ok(Row {
        id: row.try_get(0)?,
        kind: row.try_get::<Option<_>, _>(1)?.unwrap_or_default(),
        state: row.try_get::<Option<_>, _>(2)?.unwrap_or_default(),
        stored: Zeroizing::new(bytes(3)?.unwrap_or_default()),
        further: (4..row.len())
            .map(|at| Ok(bytes(at)?.unwrap_or_default()))
            .collect::<Result<_, Error>>()?,
    })
}

/// Reads kind, state, whether it is parked, when it was made, args, and what further columns stand behind them.
pub(crate) fn read_to_count<'r, R>(row: &'r R) -> Result<RowToCount, Error>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let bytes = |at| row.try_get_unchecked::<Option<Vec<u8>>, _>(at);
    let text = |at| row.try_get::<Option<String>, _>(at);
    Ok(RowToCount {
        kind: text(0)?.unwrap_or_default(),
        state: text(1)?.unwrap_or_default(),
        is_parked: row.try_get_unchecked::<bool, _>(2)?,
        created: text(3)?,
        stored: Zeroizing::new(bytes(4)?.unwrap_or_default()),
        further: (5..row.len())
            .map(|at| Ok(bytes(at)?.unwrap_or_default()))
            .collect::<Result<_, Error>>()?,
    })
}
