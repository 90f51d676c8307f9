//! Counting what rests in a table. SQLite has no regular expressions, so rows are read and searched here, page by page.

use std::collections::{BTreeMap, btree_map::Entry};

use sqlx::{Row as _, sqlite::SqliteRow};
use zeroize::Zeroizing;

use crate::{
    Count, Error, Found, Place, Table,
    sqlite::{
        expression::{is_parked, kind, state, stored},
        statement::Sql,
    },
    stored_form,
    table::column,
    token_scan,
};

const ROWS_PER_COUNT: u32 = 1000;

pub(crate) fn page_to_count(table: &Table, after: Option<&str>) -> Sql {
    let created = table.created.as_deref();
    let mut columns = vec![
        format!("cast({} as text)", column(&table.id)),
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
    let mut sql = Sql::select(&columns.join(", "), table);
    if let Some(after) = after {
        sql.texts.push(after.to_owned());
        sql.and(&format!("{} > ?", column(&table.id)));
    }
    sql.order(table, ROWS_PER_COUNT);
    sql
}

pub(crate) type Counts = BTreeMap<(String, Place, String, String, bool, Found), Count>;

/// Adds what rests in a row.
pub(crate) fn count_row(table: &Table, row: &SqliteRow, counts: &mut Counts) -> Result<(), Error> {
    let bytes = |at: usize| row.try_get_unchecked::<Option<Vec<u8>>, _>(at);
    let stored = Zeroizing::new(bytes(5)?.unwrap_or_default());
    let mut found = vec![(Place::Args, stored_form::of(&stored, &table.marker))];
    found.extend(
        stored_form::tokens_within(&stored, &table.marker).map(|it| (Place::WithinArgs, it)),
    );
    for (at, further) in table.further.iter().enumerate() {
        let value = bytes(6 + at)?.unwrap_or_default();
        let tokens = token_scan::tokens(&value);
        found.extend(tokens.map(|it| (Place::Column(further.name.clone()), it.found())));
    }
    let (kind, state): (Option<String>, String) = (row.try_get(1)?, row.try_get(2)?);
    let kind = kind.unwrap_or_default();
    let (is_parked, created): (bool, Option<String>) = (row.try_get_unchecked(3)?, row.try_get(4)?);
    for (place, found) in found {
        let new = Count {
            table: table.name().to_owned(),
            place,
            kind: kind.clone(),
            state: state.clone(),
            is_parked,
            found,
            count: 1,
            oldest: created.clone(),
        };
        let key = (
            new.table.clone(),
            new.place.clone(),
            new.kind.clone(),
            new.state.clone(),
            is_parked,
            new.found.clone(),
        );
        match counts.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
            Entry::Occupied(mut entry) => entry.get_mut().add(&new),
        }
    }
    Ok(())
}
