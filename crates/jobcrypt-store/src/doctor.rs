use std::{collections::BTreeMap, ops::ControlFlow};

use jobcrypt_core::{EncryptHook, JobContext};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    Error, Form, Found, Store, Table,
    database::{Page, Row},
    stored_form,
    table::Column,
};

/// Something beside a sealed job that shows what is in it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Leak {
    /// Its unique key is a hash of its args without a key: whoever reads the table can try what they may be.
    GuessableUniqueKey,
    /// Its output is plaintext.
    ReadableOutput,
}

/// The jobs of a kind that have a [`Leak`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The table's name.
    pub table: String,
    /// The kind of the jobs.
    pub kind: String,
    /// What shows.
    pub leak: Leak,
    /// How many jobs.
    pub jobs: u64,
    /// The first of them.
    pub first: String,
}

impl Leak {
    /// Returns a name for tables: `guessable_unique_key` or `readable_output`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuessableUniqueKey => "guessable_unique_key",
            Self::ReadableOutput => "readable_output",
        }
    }

    /// Returns what to do about it.
    #[must_use]
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::GuessableUniqueKey => {
                "let the kind be unique by one field that holds a hash of `UniqueKeys`"
            }
            Self::ReadableOutput => "record outputs by `record_sealed_output`",
        }
    }
}

impl Store {
    /// Looks beside the sealed jobs of River's table for what shows them. Unique keys are compared with River's hash of all args,
    /// and of each member of the args, with and without the queue; one that is made of several members or of a time is not
    /// recognized.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] and [`Error::Connection`].
    pub async fn doctor(&self, hook: &EncryptHook) -> Result<Vec<Finding>, Error> {
        let mut findings: BTreeMap<(String, String, Leak), Finding> = BTreeMap::new();
        for table in self.tables.iter().filter(|table| table.is_river) {
            let table = with_columns(table);
            let page = Page {
                only_with_tokens: true,
                with_further: true,
                ..Page::default()
            };
            let note = |row: &Row| {
                for leak in leaks(hook, &table, row) {
                    let key = (table.name().to_owned(), row.kind.clone(), leak);
                    let finding = findings.entry(key).or_insert_with(|| Finding {
                        table: table.name().to_owned(),
                        kind: row.kind.clone(),
                        leak,
                        jobs: 0,
                        first: row.id.clone(),
                    });
                    finding.jobs += 1;
                }
                ControlFlow::<()>::Continue(())
            };
            self.each_row(&table, page, note).await?;
        }
        Ok(findings.into_values().collect())
    }
}

/// The table with the columns that only this reads.
fn with_columns(table: &Table) -> Table {
    let mut table = table.clone();
    for (name, form) in [("unique_key", Form::Bytes), ("queue", Form::Text)] {
        if table.types.contains_key(name) {
            table.further.push(Column {
                name: name.to_owned(),
                form,
            });
        }
    }
    table
}

fn leaks(hook: &EncryptHook, table: &Table, row: &Row) -> Vec<Leak> {
    let is_sealed = matches!(
        stored_form::of(&row.stored, &table.marker),
        Found::Token { .. }
    );
    if !is_sealed {
        return Vec::new();
    }
    let column = |name: &str| {
        let at = table.further.iter().position(|it| it.name == name);
        at.map_or(&[][..], |at| &row.further[at])
    };
    let mut leaks = Vec::new();
    let unique_key = column("unique_key");
    if !unique_key.is_empty()
        && let Ok(Some(args)) = hook.open_bytes(&JobContext::new(&row.kind), &row.stored)
        && is_guessable(
            unique_key,
            &row.kind,
            column("queue"),
            &Zeroizing::new(args),
        )
    {
        leaks.push(Leak::GuessableUniqueKey);
    }
    let metadata: BTreeMap<String, &RawValue> =
        serde_json::from_slice(column("metadata")).unwrap_or_default();
    let is_readable = |output: &&RawValue| {
        let found = stored_form::of(output.get().as_bytes(), &table.marker);
        output.get() != "null" && !matches!(found, Found::Token { .. })
    };
    if metadata.get("output").is_some_and(is_readable) {
        leaks.push(Leak::ReadableOutput);
    }
    leaks
}

/// Whether a unique key is what River makes of args that anybody may guess.
fn is_guessable(unique_key: &[u8], kind: &str, queue: &[u8], args: &[u8]) -> bool {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(args).unwrap_or_default();
    let written = |(name, value): (&String, &&RawValue)| format!("\"{name}\":{value}");
    let is_keyed = |value: &&RawValue| value.get().starts_with(KEYED);
    let each = members.iter().filter(|it| !is_keyed(it.1)).map(written);
    let mut guesses: Vec<_> = each.map(Zeroizing::new).collect();
    if !members.values().any(is_keyed) {
        let all: Vec<_> = members.iter().map(written).collect();
        guesses.push(Zeroizing::new(all.join(",")));
    }
    guesses.iter().any(|args| {
        let mut hash = Sha256::new_with_prefix(format!("&kind={kind}&args={{"));
        hash.update(args.as_bytes());
        hash.update(b"}");
        let of_queue = hash.clone().chain_update(b"&queue=").chain_update(queue);
        [hash, of_queue].map(|hash| hash.finalize()[..] == *unique_key) != [false, false]
    })
}

/// How a value begins that is a hash of `UniqueKeys`.
const KEYED: &str = "\"jcu1.";
