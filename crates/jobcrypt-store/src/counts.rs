//! Counts as they are made: those of one place, kind and state together.

use std::collections::{BTreeMap, btree_map::Entry};

use zeroize::Zeroizing;

use crate::{Count, Found, Place, Table, stored_form, token_scan};

#[derive(Default)]
pub(crate) struct Counts(BTreeMap<Key, Count>);

type Key = (String, Place, String, String, bool, Found);

/// A row whose tokens are searched here and not by the database.
pub(crate) struct RowToCount {
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) is_parked: bool,
    pub(crate) created: Option<String>,
    pub(crate) stored: Zeroizing<Vec<u8>>,
    pub(crate) further: Vec<Vec<u8>>,
}

impl Counts {
    pub(crate) fn add(&mut self, count: Count) {
        let key = (
            count.table.clone(),
            count.place.clone(),
            count.kind.clone(),
            count.state.clone(),
            count.is_parked,
            count.found.clone(),
        );
        match self.0.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(count);
            }
            Entry::Occupied(mut entry) => entry.get_mut().add(&count),
        }
    }

    /// Adds what rests in a row.
    pub(crate) fn add_row(&mut self, table: &Table, row: &RowToCount) {
        let mut found = vec![(Place::Args, stored_form::of(&row.stored, &table.marker))];
        let unescaped = token_scan::unescaped(&row.stored);
        let args = unescaped.as_ref().unwrap_or(&row.stored);
        let within = stored_form::tokens_within(args, &table.marker);
        found.extend(within.map(|it| (Place::WithinArgs, it)));
        for (further, value) in table.further.iter().zip(&row.further) {
            let unescaped = token_scan::unescaped(value);
            let tokens = token_scan::tokens(unescaped.as_deref().unwrap_or(value));
            found.extend(tokens.map(|it| (Place::Column(further.name.clone()), it.found())));
        }
        for (place, found) in found {
            self.add(Count {
                table: table.name().to_owned(),
                place,
                kind: row.kind.clone(),
                state: row.state.clone(),
                is_parked: row.is_parked,
                found,
                count: 1,
                oldest: row.created.clone(),
            });
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Count> {
        self.0.into_values().collect()
    }
}
