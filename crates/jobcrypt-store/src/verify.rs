use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use jobcrypt_core::{EncryptHook, JobContext, Key, KeyId};
use zeroize::Zeroizing;

use crate::{
    Error, Found, Selection, Store, Table, Unreadable,
    database::{Page, Row},
    report::LISTED,
    stored_form, token_scan,
};

/// What opening every job has shown.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Verified {
    /// How many sealed jobs opened.
    pub opened: u64,
    /// How many jobs are plaintext.
    pub plaintext: u64,
    /// How many did not open.
    pub unreadable: u64,
    /// The first of those.
    pub unreadable_jobs: Vec<Unreadable>,
    /// What is no token, is not sealed for the hook either, and looks like a ciphertext.
    unattributed: u64,
    within: BTreeMap<KeyId, u64>,
    keys: BTreeSet<KeyId>,
}

impl Store {
    /// Opens every job, and says which do not. Where jobs are left that name no key, this shows whether one
    /// can go: call it with a hook that lacks that key, and hand the result to
    /// [`Status::safe_to_remove`](crate::Status::safe_to_remove).
    ///
    /// # Errors
    ///
    /// [`Error::Database`] and [`Error::Connection`].
    pub async fn verify(
        &self,
        hook: &EncryptHook,
        selection: &Selection,
    ) -> Result<Verified, Error> {
        let keyring = hook.keys().snapshot();
        let mut verified = Verified {
            keys: keyring.keys().map(Key::key_id).collect(),
            ..Verified::default()
        };
        for table in &self.tables {
            let page = Page {
                selection: selection.clone(),
                ..Page::default()
            };
            let open = |row: &Row| {
                verified.open(hook, table, row);
                ControlFlow::<()>::Continue(())
            };
            self.each_row(table, page, open).await?;
        }
        Ok(verified)
    }
}

impl Verified {
    /// Returns how many tokens stood within the args that opened, for each key: values that an app sealed
    /// itself, before the whole was sealed. Nothing else shows them.
    #[must_use]
    pub fn within(&self) -> &BTreeMap<KeyId, u64> {
        &self.within
    }

    /// Whether every job opened without this key. What may be a legacy form is none for a hook that was not told of it, and did not
    /// open.
    pub(crate) fn all_open_without(&self, key: KeyId) -> bool {
        self.unreadable + self.unattributed == 0 && !self.keys.contains(&key)
    }

    fn open(&mut self, hook: &EncryptHook, table: &Table, row: &Row) {
        let context = JobContext::new(&row.kind);
        if !hook.is_sealed(&context, &row.stored) {
            self.plaintext += 1;
            if stored_form::of(&row.stored, &table.marker) == Found::Legacy {
                self.unattributed += 1;
            }
            return;
        }
        match hook.open_bytes(&context, &row.stored) {
            Ok(plaintext) => {
                self.opened += 1;
                let plaintext = Zeroizing::new(plaintext.unwrap_or_default());
                for head in token_scan::tokens(&plaintext) {
                    *self.within.entry(head.key_id).or_default() += 1;
                }
            }
            Err(error) => {
                self.unreadable += 1;
                if self.unreadable_jobs.len() < LISTED {
                    self.unreadable_jobs.push(Unreadable {
                        table: table.name().to_owned(),
                        id: row.id.clone(),
                        kind: row.kind.clone(),
                        class: error.kind(),
                    });
                }
            }
        }
    }
}
