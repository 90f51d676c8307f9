//! Whether a hook is the one that producers and workers have, as far as stored jobs show it.

use std::{collections::BTreeSet, ops::ControlFlow};

use jobcrypt_core::{EncryptHook, JobContext, Key, KeyId};
use zeroize::Zeroizing;

use crate::{
    Error, Found, Place, Selection, Status, Store, Table,
    database::{Page, Row},
    stored_form,
};

/// How many jobs of a kind and key are tried. Whoever can plant some that do not open must not be able to stop others.
const TRIED: u32 = 20;

impl Store {
    /// Refuses a hook that opens nothing of what is stored under its keys: sealed by it, jobs would be lost to workers.
    pub(crate) async fn must_open(&self, hook: &EncryptHook, status: &Status) -> Result<(), Error> {
        let keyring = hook.keys().snapshot();
        let at_hand: BTreeSet<_> = keyring.keys().map(Key::key_id).collect();
        let mut closed = None;
        for table in &self.tables {
            for (kind, key_id) in sealed(status, table) {
                if !at_hand.contains(&key_id) {
                    continue;
                }
                let page = Page {
                    limit: TRIED,
                    selection: Selection::all().kind(&kind).key_id(key_id),
                    ..Page::default()
                };
                for row in self.database.rows(table, &page).await? {
                    let opened = hook.open_bytes(&JobContext::new(&kind), &row.stored);
                    if opened.map(|it| it.map(Zeroizing::new)).is_ok() {
                        return Ok(());
                    }
                    closed.get_or_insert_with(|| (kind.clone(), key_id));
                }
            }
        }
        match closed {
            Some((kind, key_id)) => Err(Error::NothingOpens { kind, key_id }),
            None => Ok(()),
        }
    }

    /// Refuses a hook under whose marker nothing stands where tokens stand under another: it would see plaintext.
    pub(crate) async fn must_know_marker(
        &self,
        hook: &EncryptHook,
        status: &Status,
    ) -> Result<(), Error> {
        let rests_in = |place: &Place| {
            let mut counts = status.counts().iter();
            counts.any(|it| it.place == *place && matches!(it.found, Found::Token { .. }))
        };
        if rests_in(&Place::Args) || !rests_in(&Place::WithinArgs) {
            return Ok(());
        }
        for table in &self.tables {
            let is_other = |row: &Row| {
                stored_form::of(&row.stored, &table.marker) == Found::Plaintext
                    && stored_form::is_object(&row.stored)
                    && hook.is_sealed(&JobContext::new(&row.kind), &row.stored)
            };
            let look = |row: &Row| {
                if is_other(row) {
                    ControlFlow::Break(row.id.clone())
                } else {
                    ControlFlow::Continue(())
                }
            };
            if let Some(id) = self.each_row(table, Page::default(), look).await? {
                let table = table.name().to_owned();
                return Err(Error::AnotherMarker { table, id });
            }
        }
        Ok(())
    }
}

/// The kinds of a table with the keys that their jobs name.
fn sealed(status: &Status, table: &Table) -> BTreeSet<(String, KeyId)> {
    let counts = status.counts().iter();
    let of_table = counts.filter(|it| it.place == Place::Args && it.table == table.name());
    let named = of_table.filter_map(|it| match it.found {
        Found::Token { key_id, .. } => Some((it.kind.clone(), key_id)),
        _ => None,
    });
    named.collect()
}
