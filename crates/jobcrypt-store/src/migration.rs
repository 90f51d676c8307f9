//! One migration: what it was asked, what it makes of a row, and what it has found by now.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jobcrypt_core::{AuditEvent, EncryptHook, ErrorKind, JobContext, KeyId};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    Count, Error, Form, Found, MigrateOptions, Place, Progress, Report, Status, Table, Unreadable,
    contexts_within::contexts_within,
    database::{NewRow, NewValue, Rewritten, Row},
    migrate_options::SealDecision,
    report::{LISTED, Unstorable},
    stored_form, token_scan,
};

pub(crate) struct Migration<'a> {
    hook: EncryptHook,
    pub(crate) options: &'a MigrateOptions,
    began: Instant,
    /// The key that seals each kind now, for the kinds met so far.
    targets: BTreeMap<String, KeyId>,
    pub(crate) total: u64,
    scanned: u64,
    pub(crate) migrated: u64,
    pub(crate) further: u64,
    sealed: u64,
    /// Whether tokens that are not the args of a job are to be moved as well.
    pub(crate) looks_within: bool,
    /// The findings of the last round over each table.
    raced: BTreeMap<String, u64>,
    unreadable: BTreeMap<String, (u64, Vec<Unreadable>)>,
    unstorable: BTreeMap<String, (u64, Vec<Unstorable>)>,
    /// The first row of the page that was tried last and could not be written.
    tried: Option<(String, String)>,
    /// How many tokens stand within what was sealed under a former kind, which they stay bound to.
    of_former_kind: u64,
}

/// What was found on a page that may have to be tried again.
#[derive(Default)]
pub(crate) struct InPage {
    /// The id and the kind of its first row.
    first: Option<(String, String)>,
    unreadable: Vec<Unreadable>,
    kinds: Vec<String>,
    of_former_kind: u64,
}

impl InPage {
    pub(crate) fn of(rows: &[Row]) -> Self {
        Self {
            first: rows.first().map(|row| (row.id.clone(), row.kind.clone())),
            ..Self::default()
        }
    }
}

impl<'a> Migration<'a> {
    pub(crate) fn new(hook: &EncryptHook, options: &'a MigrateOptions) -> Result<Self, Error> {
        if !options.kind_was.is_empty() && options.kind.is_none() {
            return Err(Error::Refused(
                "a former kind needs the kind that it became",
            ));
        }
        if options.to_plaintext && (options.seal.is_some() || !options.kind_was.is_empty()) {
            return Err(Error::Refused("jobs become plaintext or sealed, not both"));
        }
        if options
            .rate
            .is_some_and(|rate| rate.is_nan() || rate <= 0.0)
        {
            return Err(Error::Refused("a rate is more than 0 rows a second"));
        }
        let hook = if options.to_plaintext {
            hook.to_decrypt_only()?
        } else {
            hook.clone()
        };
        Ok(Self {
            hook,
            options,
            began: Instant::now(),
            targets: BTreeMap::new(),
            total: 0,
            scanned: 0,
            migrated: 0,
            further: 0,
            sealed: 0,
            looks_within: false,
            raced: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            unstorable: BTreeMap::new(),
            tried: None,
            of_former_kind: 0,
        })
    }

    /// Makes the new args of a page's rows, or leaves them and says why in `found`.
    pub(crate) fn change(
        &self,
        table: &Table,
        rows: &[Row],
        sealing: Option<&SealDecision>,
        found: &mut InPage,
    ) -> Result<Vec<NewRow>, Error> {
        let new: Vec<NewRow> = rows
            .iter()
            .map(|row| self.change_row(table, row, sealing.is_some(), found))
            .collect::<Result<_, _>>()?;
        if let Some(decision) = sealing
            && !self.options.is_dry_run
        {
            let sealed = rows.iter().zip(&new).filter(|(_, new)| new.args.is_some());
            let events: Vec<_> = sealed
                .map(|(row, _)| AuditEvent::PlaintextSealed {
                    table: table.name(),
                    job: &row.id,
                    kind: &row.kind,
                })
                .collect();
            for event in &events {
                event.trace();
            }
            decision
                .audit
                .0
                .record_first(&events)
                .map_err(Error::Audit)?;
        }
        Ok(new)
    }

    fn change_row(
        &self,
        table: &Table,
        row: &Row,
        is_sealing: bool,
        found: &mut InPage,
    ) -> Result<NewRow, Error> {
        if !self.targets.contains_key(&row.kind) && !found.kinds.contains(&row.kind) {
            found.kinds.push(row.kind.clone());
        }
        let is_token = matches!(
            stored_form::of(&row.stored, &table.marker),
            Found::Token { .. }
        );
        let new = match (is_sealing, is_token) {
            (true, true) => Ok(None),
            (true, false) => self.seal(row),
            (false, true) => self.move_token(row, &mut found.of_former_kind),
            (false, false) => self.look_at(row),
        };
        let moved = new.and_then(|args| {
            Ok(NewRow {
                args: args.map(Zeroizing::new),
                further: self.move_further(table, row, is_sealing)?,
            })
        });
        match moved {
            Ok(new) => Ok(new),
            // The keys or the hook are at fault, and so for every row.
            Err(error) if error.kind() == ErrorKind::InvalidConfiguration => Err(error.into()),
            Err(error) => {
                found.unreadable.push(Unreadable {
                    table: table.name().to_owned(),
                    id: row.id.clone(),
                    kind: row.kind.clone(),
                    class: error.kind(),
                });
                Ok(NewRow::default())
            }
        }
    }

    /// Moves outputs, errors and values in the further columns, where those were read.
    fn move_further(
        &self,
        table: &Table,
        row: &Row,
        is_sealing: bool,
    ) -> Result<Vec<Option<NewValue>>, jobcrypt_core::Error> {
        if !self.looks_within || is_sealing || self.options.to_plaintext {
            return Ok(Vec::new());
        }
        let contexts = contexts_within(&row.kind, &self.options.values);
        let columns = table.further.iter().zip(&row.further);
        let moved = columns.map(|(column, value)| {
            // Bytes may be a format that holds lengths, as SQLite's JSONB does.
            let is_text =
                column.form != Form::Bytes || serde_json::from_slice::<&RawValue>(value).is_ok();
            let moved = self.hook.migrate_tokens(&contexts, value)?;
            Ok(moved.filter(|_| is_text).map(Zeroizing::new))
        });
        moved.collect()
    }

    fn move_token(
        &self,
        row: &Row,
        of_former_kind: &mut u64,
    ) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
        let context = JobContext::new(&row.kind);
        if self.options.to_plaintext {
            let opened = self.hook.open_bytes(&context, &row.stored)?;
            // Refuses args that a worker would take for an envelope.
            if let Some(plaintext) = &opened {
                self.hook.seal_bytes(&context, plaintext)?;
            }
            return Ok(opened);
        }
        if !self.options.kind_was.is_empty() {
            let opened = self.hook.open_bytes(&context, &row.stored);
            if let Err(error) = opened.map(|it| it.map(Zeroizing::new)) {
                return self.move_renamed(row, error, of_former_kind);
            }
        }
        self.migrate_args(&context, row)
    }

    fn migrate_args(
        &self,
        context: &JobContext<'_>,
        row: &Row,
    ) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
        let names = &self.options.values;
        self.hook
            .migrate_bytes_and_values(context, names, &row.stored)
    }

    /// Opens a row under the names that its kind had; fails as under its own if it fits none of them.
    fn move_renamed(
        &self,
        row: &Row,
        error: jobcrypt_core::Error,
        of_former_kind: &mut u64,
    ) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
        let now = JobContext::new(&row.kind);
        for was in &self.options.kind_was {
            let was = JobContext::new(was);
            if let Ok(new) = self.hook.migrate_bytes_between(&was, &now, &row.stored) {
                let opened = self.hook.open_bytes(&was, &row.stored)?;
                let opened = Zeroizing::new(opened.unwrap_or_default());
                // Beside fields some show in the table, and are counted there.
                let shown = token_scan::tokens(&row.stored).count().saturating_sub(1);
                let within = token_scan::tokens(&opened).count();
                *of_former_kind += within.saturating_sub(shown) as u64;
                return Ok(new);
            }
        }
        Err(error)
    }

    fn seal(&self, row: &Row) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
        let context = JobContext::new(&row.kind);
        if self.hook.is_sealed(&context, &row.stored) {
            return self.hook.migrate_bytes(&context, &row.stored);
        }
        self.hook.seal_bytes(&context, &row.stored)
    }

    /// Says whether something that is no token opens, in a legacy form, and moves no more than values in what is
    /// readable.
    fn look_at(&self, row: &Row) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
        let context = JobContext::new(&row.kind);
        if self.hook.is_sealed(&context, &row.stored) {
            let opened = self.hook.open_bytes(&context, &row.stored)?;
            drop(opened.map(Zeroizing::new));
            return Ok(None);
        }
        if self.options.to_plaintext {
            return Ok(None);
        }
        let value = context.with_purpose(jobcrypt_core::Purpose::VALUE);
        let names = self.options.values.iter();
        let values: Vec<_> = names.map(|name| value.with_detail(name)).collect();
        self.hook.migrate_tokens(&values, &row.stored)
    }

    pub(crate) fn begin_round(&mut self, table: &Table) {
        self.raced.remove(table.name());
        self.unreadable.remove(table.name());
        self.unstorable.remove(table.name());
    }

    /// Keeps in mind what a page was about that could not be written.
    pub(crate) fn tried(&mut self, found: InPage) {
        self.tried = found.first;
    }

    /// Passes over the row that was tried last.
    pub(crate) fn note_unstorable(&mut self, table: &Table, why: String) -> Rewritten {
        let Some((id, kind)) = self.tried.take() else {
            return Rewritten::default();
        };
        let (count, listed) = self.unstorable.entry(table.name().to_owned()).or_default();
        *count += 1;
        if listed.len() < LISTED {
            listed.push(Unstorable {
                table: table.name().to_owned(),
                id: id.clone(),
                kind,
                why,
            });
        }
        self.scanned += 1;
        Rewritten {
            last: Some(id),
            rows: 1,
            ..Rewritten::default()
        }
    }

    pub(crate) fn note(
        &mut self,
        table: &Table,
        done: &Rewritten,
        found: InPage,
        is_sealing: bool,
    ) {
        self.scanned += done.rows;
        self.migrated += done.written;
        self.further += done.further;
        self.of_former_kind += found.of_former_kind;
        *self.raced.entry(table.name().to_owned()).or_default() += done.raced;
        if is_sealing {
            self.sealed += done.written;
        }
        for kind in found.kinds {
            self.learn_target(&kind);
        }
        for job in found.unreadable {
            let (count, listed) = self.unreadable.entry(job.table.clone()).or_default();
            *count += 1;
            if listed.len() < LISTED {
                listed.push(job);
            }
        }
    }

    pub(crate) fn learn_targets(&mut self, status: &Status) {
        for count in status.counts() {
            if !self.targets.contains_key(&count.kind) {
                self.learn_target(&count.kind);
            }
        }
        let is_further = |it: &&Count| matches!(it.place, Place::Column(_)) && self.is_stale(it);
        self.looks_within = !self.options.to_plaintext
            && (!self.options.values.is_empty()
                || status.counts().iter().any(|it| is_further(&it)));
    }

    /// Whether it is of tokens under another key than seals their kind now.
    fn is_stale(&self, count: &Count) -> bool {
        let is_meant = self
            .options
            .kind
            .as_ref()
            .is_none_or(|it| *it == count.kind);
        match count.found {
            Found::Token { key_id, .. } => {
                is_meant && self.targets.get(&count.kind) != Some(&key_id)
            }
            _ => false,
        }
    }

    /// Whether it is of tokens that stay as they are: under another key, or bound to the name that their kind had,
    /// which does not show in them.
    fn is_left(&self, count: &Count) -> bool {
        let is_renamed = !self.options.kind_was.is_empty()
            && self.options.kind.as_ref() == Some(&count.kind)
            && matches!(count.found, Found::Token { .. });
        is_renamed || self.is_stale(count)
    }

    fn learn_target(&mut self, kind: &str) {
        if self.options.to_plaintext {
            return;
        }
        if let Ok(target) = self.hook.primary_of(&JobContext::new(kind)) {
            self.targets.insert(kind.to_owned(), target);
        }
    }

    /// The key for each kind whose jobs need not be read again if they are under it.
    pub(crate) fn passed_over(&self) -> BTreeMap<String, KeyId> {
        if self.options.kind_was.is_empty() && !self.looks_within {
            self.targets.clone()
        } else {
            BTreeMap::new()
        }
    }

    /// How many jobs are to be moved, with those that name no key or without.
    pub(crate) fn to_move(&self, status: &Status, with_plaintext: bool) -> u64 {
        let is_meant = |kind: &String| self.options.kind.as_ref().is_none_or(|it| it == kind);
        let counts = status.counts().iter();
        counts
            .filter(|it| it.place == Place::Args && is_meant(&it.kind))
            .filter(|it| match it.found {
                Found::Token { key_id, .. } => self.targets.get(&it.kind) != Some(&key_id),
                Found::Plaintext | Found::Legacy => with_plaintext,
                Found::Unreadable => false,
            })
            .map(|it| it.count)
            .sum()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.options.stop.is_asked_for()
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            total: self.total,
            scanned: self.scanned,
            migrated: self.migrated,
            elapsed: self.began.elapsed(),
        }
    }

    pub(crate) async fn keep_to_rate(&self) {
        let Some(rate) = self.options.rate else {
            return;
        };
        #[allow(clippy::cast_precision_loss, reason = "a rate is an estimate")]
        let due = Duration::try_from_secs_f64(self.scanned as f64 / rate).unwrap_or_default();
        let left = due.saturating_sub(self.began.elapsed());
        self.options.stop.wait_at_most(left).await;
    }

    pub(crate) fn started(&self) -> AuditEvent<'static> {
        let primary = self.hook.keys().snapshot().primary().key_id();
        AuditEvent::MigrateStarted {
            key_id: (!self.options.to_plaintext).then_some(primary),
        }
    }

    pub(crate) fn finished(&self) -> AuditEvent<'static> {
        AuditEvent::MigrateFinished {
            moved: self.migrated,
            unreadable: self.unreadable.values().map(|it| it.0).sum(),
        }
    }

    pub(crate) fn report(self, status: Status) -> Report {
        let found: u64 = self.unreadable.values().map(|it| it.0).sum();
        let left = self.to_move(&status, false);
        let within = status.counts().iter();
        let within = within.filter(|it| it.place != Place::Args && self.is_left(it));
        let left_within = within.map(|it| it.count).sum::<u64>() + self.of_former_kind;
        let listed = self.unreadable.into_values().flat_map(|it| it.1);
        let unstorable = self.unstorable.values().map(|it| it.0).sum();
        let refused = self.unstorable.into_values().flat_map(|it| it.1);
        Report {
            scanned: self.scanned,
            migrated: self.migrated,
            sealed: self.sealed,
            further: self.further,
            raced: self.raced.values().sum(),
            unreadable: found,
            unreadable_jobs: listed.take(LISTED).collect(),
            unstorable,
            unstorable_jobs: refused.take(LISTED).collect(),
            left,
            left_within,
            is_interrupted: self.options.stop.is_asked_for(),
            status,
        }
    }
}
