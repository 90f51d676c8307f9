//! Counting what rests in a table. SQLite has no regular expressions, so rows are read and searched here, one by one.

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

pub(crate) type Counts = BTreeMap<(String, Place, String, String, bool, Found), Count>;

/// Adds what rests in a row.
pub(crate) fn count_row(table: &Table, row: &SqliteRow, counts: &mut Counts) -> Result<(), Error> {
    let bytes = |at: usize| row.try_get_unchecked::<Option<Vec<u8>>, _>(at);
    let stored = Zeroizing::new(bytes(4)?.unwrap_or_default());
    let mut found = vec![(Place::Args, stored_form::of(&stored, &table.marker))];
    let unescaped = token_scan::unescaped(&stored);
    let args = unescaped.as_ref().unwrap_or(&stored);
    let within = stored_form::tokens_within(args, &table.marker);
    found.extend(within.map(|it| (Place::WithinArgs, it)));
    for (at, further) in table.further.iter().enumerate() {
        let value = bytes(5 + at)?.unwrap_or_default();
        let unescaped = token_scan::unescaped(&value);
        let tokens = token_scan::tokens(unescaped.as_deref().unwrap_or(&value));
        found.extend(tokens.map(|it| (Place::Column(further.name.clone()), it.found())));
    }
    let text = |at: usize| row.try_get::<Option<String>, _>(at);
    let (kind, state) = (text(0)?.unwrap_or_default(), text(1)?.unwrap_or_default());
    let (is_parked, created) = (row.try_get_unchecked::<bool, _>(2)?, text(3)?);
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
