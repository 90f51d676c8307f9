//! Counting what rests in a table. SQLite has no regular expressions, so rows are read and searched here, one by one.

use crate::{
    Table,
    sqlite::{
        expression::{is_parked, kind, state, stored},
        statement::Sql,
    },
    table::column,
};

pub(crate) fn rows_to_count(table: &Table) -> Sql {
    let created = table.created.as_deref();
    let mut columns = vec![
        kind(table),
        state(table),
        is_parked(table),
        created.map_or_else(
            || "null".to_owned(),
            |it| format!("cast({} as text)", column(it)),
        ),
        stored(&table.args),
    ];
    columns.extend(table.further.iter().map(stored));
    Sql::select(&columns.join(", "), table)
}
