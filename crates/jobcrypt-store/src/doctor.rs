use std::{collections::BTreeMap, ops::ControlFlow};

use jobcrypt_core::{EncryptHook, JobContext};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    Error, Form, Found, Store, Table,
    database::{Page, Row},
    stored_form,
    table::Column,
};

mod given_key;
mod members;
mod period;
mod unique_key;

use unique_key::{Recipe, UniqueJob};

/// Something beside a sealed job that shows what is in it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Leak {
    /// Its unique key is a hash of its args without a key: whoever reads the table can try what they may be.
    GuessableUniqueKey,
    /// Its output is plaintext.
    ReadableOutput,
    /// The key that the app gave it, by which it is unique, has a value of its args in it, or the hash of one without a key.
    ReadableUniqueKey,
    /// What its unique key was made of could not be found: it may be a hash of its args without a key.
    UnknownUniqueKey,
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
    /// Returns a name for tables: `guessable_unique_key`, `readable_output`, `readable_unique_key` or `unknown_unique_key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuessableUniqueKey => "guessable_unique_key",
            Self::ReadableOutput => "readable_output",
            Self::ReadableUniqueKey => "readable_unique_key",
            Self::UnknownUniqueKey => "unknown_unique_key",
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
            Self::ReadableUniqueKey => {
                "give unique jobs a hash of `UniqueKeys`; on apalis, `unique_by` of the backend does"
            }
            Self::UnknownUniqueKey => {
                "see what the kind is unique by; where that is args, let it be one hash of `UniqueKeys`"
            }
        }
    }
}

impl Store {
    /// Looks beside the sealed jobs of River's table for what shows them, and in other tables for keys of unique jobs that do, where
    /// [`Table::unique_key`] names their column.
    ///
    /// River's unique keys are made again of all that they may be made of: the whole args, fields of them at up to four levels, by ones to
    /// threes, and of args with up to eight members in every combination; with the kind, the queue and usual periods or
    /// without. A key of which that finds nothing is a finding too.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when no table is River's and none has its unique keys named, [`Error::Database`] and
    /// [`Error::Connection`].
    pub async fn doctor(&self, hook: &EncryptHook) -> Result<Vec<Finding>, Error> {
        let has_more = |table: &&Table| table.is_river || table.unique_key.is_some();
        if !self.tables.iter().any(|table| has_more(&table)) {
            return Err(Error::Refused(
                "there is nothing to look at: the table is not River's, and no column of unique keys is named",
            ));
        }
        let mut findings: BTreeMap<(String, String, Leak), Finding> = BTreeMap::new();
        let mut recipes = Recipes::default();
        for table in self.tables.iter().filter(has_more) {
            let table = with_columns(table);
            let page = Page {
                only_with_tokens: true,
                with_further: true,
                ..Page::default()
            };
            let note = |row: &Row| {
                for leak in leaks(hook, &table, row, &mut recipes) {
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
    if let Some(name) = &table.unique_key {
        table.further.push(Column {
            name: name.clone(),
            form: Form::Text,
        });
    }
    if !table.is_river {
        return table;
    }
    for (name, form) in [
        ("unique_key", Form::Bytes),
        ("queue", Form::Text),
        ("created_at", Form::Text),
        ("scheduled_at", Form::Text),
    ] {
        if table.types.contains_key(name) {
            table.further.push(Column {
                name: name.to_owned(),
                form,
            });
        }
    }
    table
}

/// What was found of the kinds so far, so that each is searched once and not each of its jobs.
#[derive(Default)]
struct Recipes {
    known: BTreeMap<String, Vec<Recipe>>,
    /// How many jobs of a kind were searched in vain.
    unknown: BTreeMap<String, u64>,
}

/// A kind of which so many keys are unknown is searched no more.
const PATIENCE: u64 = 32;

impl Recipes {
    /// Returns what the unique key of a job shows of it.
    fn leak(&mut self, job: &UniqueJob<'_>) -> Option<Leak> {
        let known = self.known.entry(job.kind.to_owned()).or_default();
        let found = known.iter().find(|recipe| recipe.made(job)).cloned();
        let unknown = self.unknown.entry(job.kind.to_owned()).or_default();
        let found = found.or_else(|| {
            let new = (*unknown < PATIENCE).then(|| Recipe::find(job)).flatten();
            known.extend(new.clone());
            new
        });
        if found.is_none() {
            *unknown += 1;
            return Some(Leak::UnknownUniqueKey);
        }
        let is_guessable = found.is_some_and(|recipe| recipe.is_guessable(job));
        is_guessable.then_some(Leak::GuessableUniqueKey)
    }
}

fn leaks(hook: &EncryptHook, table: &Table, row: &Row, recipes: &mut Recipes) -> Vec<Leak> {
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
    let given_key = table.unique_key.as_deref().map_or(&[][..], column);
    let rivers_key = if table.is_river {
        column("unique_key")
    } else {
        &[]
    };
    if (!given_key.is_empty() || !rivers_key.is_empty())
        && let Ok(Some(args)) = hook.open_bytes(&JobContext::new(&row.kind), &row.stored)
        && let args = Zeroizing::new(args)
        && let (Ok(args), Ok(stored)) = (str::from_utf8(&args), str::from_utf8(&row.stored))
    {
        if given_key::shows(given_key, args) {
            leaks.push(Leak::ReadableUniqueKey);
        }
        let times = ["created_at", "scheduled_at"].map(column).into_iter();
        let job = UniqueJob {
            unique_key: rivers_key,
            kind: &row.kind,
            queue: column("queue"),
            args,
            stored,
            times: times.filter_map(period::seconds).collect(),
        };
        if !rivers_key.is_empty() {
            leaks.extend(recipes.leak(&job));
        }
    }
    if !table.is_river {
        return leaks;
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
