use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jobcrypt_core::{EncryptHook, ErrorKind, JobContext, KeyId};
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::{
    Audit, AuditAction, Error, Found, MigrateOptions, Place, Progress, Report, Selection, Status,
    Store, Table, Unreadable,
    database::{Page, Rewritten, Row},
    migrate_options::SealDecision,
    page_size::PageSize,
    report::LISTED,
    stored_form,
};

impl Store {
    /// Moves stored jobs to the key that seals their kind now, while workers work.
    ///
    /// Rows are read in pages, in the order of their ids, and each is written only if id, kind, state and
    /// args are still what was read. Jobs that are being worked, that another process has in hand or that
    /// somebody changed are met again in later rounds. What cannot be opened is reported and stays. There
    /// is no state but the rows themselves: stopped anywhere, it goes on when it is called again, also in
    /// many processes at once.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for options that contradict each other, [`Error::Hook`] for a hook that never
    /// seals, [`Error::Audit`], [`Error::Database`], and [`Error::Connection`] when the connection is lost
    /// for longer than a few tries. What was moved stays moved.
    pub async fn migrate(
        &self,
        hook: &EncryptHook,
        options: &MigrateOptions,
        progress: &mut (dyn FnMut(&Progress) + Send),
    ) -> Result<Report, Error> {
        if let Some(decision) = &options.seal {
            self.check_limit(&decision.up_to_id)?;
        }
        let mut migration = Migration::new(hook, options)?;
        let before = self.status().await?;
        migration.learn_targets(&before);
        migration.total = migration.to_move(&before, options.seal.is_some());
        for table in &self.tables {
            if let Some(decision) = &options.seal {
                self.pass(&mut migration, table, Some(decision), progress)
                    .await?;
            }
            loop {
                let moved = migration.migrated;
                migration.begin_round(table);
                self.pass(&mut migration, table, None, progress).await?;
                // Rows that were passed over are met again; once nothing moved, nothing will.
                if migration.migrated == moved || options.is_dry_run || migration.is_stopped() {
                    break;
                }
            }
        }
        let status = self.status().await?;
        Ok(migration.report(status))
    }

    /// A limit that is no id must not be one that lets every row through, as a text beside numbers is for
    /// SQLite.
    fn check_limit(&self, up_to_id: &str) -> Result<(), Error> {
        let counts = |table: &&Table| {
            let of_id = table.types.get(&table.id);
            of_id.is_some_and(|name| name.to_lowercase().contains("int"))
        };
        let is_number = up_to_id.parse::<i64>().is_ok();
        if up_to_id.is_empty() || !is_number && self.tables.iter().any(|table| counts(&table)) {
            return Err(Error::Refused(
                "the limit of what may be sealed is not an id of this table",
            ));
        }
        Ok(())
    }

    /// Goes through a table once: to move tokens, or to seal what names no key.
    async fn pass(
        &self,
        migration: &mut Migration<'_>,
        table: &Table,
        sealing: Option<&SealDecision>,
        progress: &mut (dyn FnMut(&Progress) + Send),
    ) -> Result<(), Error> {
        let mut size = PageSize::new(migration.options.page);
        let mut after = None;
        while !migration.is_stopped() {
            let targets = migration.passed_over();
            let page = Page {
                after,
                limit: size.next(),
                selection: Selection {
                    kind: migration.options.kind.clone(),
                    up_to_id: sealing.map(|it| it.up_to_id.clone()),
                    ..Selection::all()
                },
                skips_running: true,
                only_stale: sealing.is_none().then_some(&targets),
                with_further: false,
            };
            let done = self.page(migration, table, &page, sealing).await?;
            size.met_row_of(done.longest);
            let Some(last) = done.last else {
                break;
            };
            after = Some(last);
            progress(&migration.progress());
            migration.keep_to_rate().await;
        }
        Ok(())
    }

    /// Rewrites one page, again where the connection was lost meanwhile.
    async fn page(
        &self,
        migration: &mut Migration<'_>,
        table: &Table,
        page: &Page<'_>,
        sealing: Option<&SealDecision>,
    ) -> Result<Rewritten, Error> {
        let mut tries = 1;
        loop {
            let mut found = InPage::default();
            let outcome = if migration.options.is_dry_run {
                self.dry_page(migration, table, page, sealing, &mut found)
                    .await
            } else {
                let mut change = |row: &Row| migration.change(table, row, sealing, &mut found);
                self.database.rewrite(table, page, &mut change).await
            };
            match outcome {
                Ok(done) => {
                    migration.note(table, &done, found, sealing.is_some());
                    return Ok(done);
                }
                Err(Error::Connection(text)) if tries < TRIES => {
                    warn!(target: "jobcrypt", tries, error = %text, "migrate.connection_lost");
                    tokio::time::sleep(FIRST_DELAY * 2_u32.pow(tries)).await;
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn dry_page(
        &self,
        migration: &mut Migration<'_>,
        table: &Table,
        page: &Page<'_>,
        sealing: Option<&SealDecision>,
        found: &mut InPage,
    ) -> Result<Rewritten, Error> {
        let rows = self.database.rows(table, page).await?;
        let mut done = Rewritten {
            rows: rows.len() as u64,
            ..Rewritten::default()
        };
        for row in rows {
            done.longest = done.longest.max(row.stored.len());
            let new = migration.change(table, &row, sealing, found)?;
            done.written += u64::from(new.is_some());
            done.last = Some(row.id);
        }
        Ok(done)
    }
}

/// How often a page is tried, 50 ms after its first failure, then at twice the distance each time.
const TRIES: u32 = 8;
const FIRST_DELAY: Duration = Duration::from_millis(25);

struct Migration<'a> {
    hook: EncryptHook,
    options: &'a MigrateOptions,
    began: Instant,
    /// The key that seals each kind now, for the kinds met so far.
    targets: BTreeMap<String, KeyId>,
    total: u64,
    scanned: u64,
    migrated: u64,
    sealed: u64,
    /// The findings of the last round over each table.
    raced: BTreeMap<String, u64>,
    unreadable: BTreeMap<String, (u64, Vec<Unreadable>)>,
}

/// What was found on a page that may have to be tried again.
#[derive(Default)]
struct InPage {
    unreadable: Vec<Unreadable>,
    kinds: Vec<String>,
}

impl<'a> Migration<'a> {
    fn new(hook: &EncryptHook, options: &'a MigrateOptions) -> Result<Self, Error> {
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
            sealed: 0,
            raced: BTreeMap::new(),
            unreadable: BTreeMap::new(),
        })
    }

    /// Makes the new args of a row, or leaves it and says why in `found`.
    fn change(
        &self,
        table: &Table,
        row: &Row,
        sealing: Option<&SealDecision>,
        found: &mut InPage,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        if !self.targets.contains_key(&row.kind) && !found.kinds.contains(&row.kind) {
            found.kinds.push(row.kind.clone());
        }
        let is_token = matches!(
            stored_form::of(&row.stored, &table.marker),
            Found::Token { .. }
        );
        let new = match sealing {
            Some(_) if is_token => Ok(None),
            Some(decision) => match self.seal(row) {
                Ok(Some(new)) => {
                    self.audit(decision, table, row)?;
                    Ok(Some(new))
                }
                other => other,
            },
            None if is_token => self.move_token(row),
            None => self.look_at(row),
        };
        match new {
            Ok(new) => Ok(new.map(Zeroizing::new)),
            // The keys or the hook are at fault, and so for every row.
            Err(error) if error.kind() == ErrorKind::InvalidConfiguration => Err(error.into()),
            Err(error) => {
                found.unreadable.push(Unreadable {
                    table: table.name().to_owned(),
                    id: row.id.clone(),
                    kind: row.kind.clone(),
                    class: error.kind(),
                });
                Ok(None)
            }
        }
    }

    fn move_token(&self, row: &Row) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
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
                return self.move_renamed(row, error);
            }
        }
        self.hook.migrate_bytes(&context, &row.stored)
    }

    /// Opens a row under the names that its kind had; fails as under its own if it fits none of them.
    fn move_renamed(
        &self,
        row: &Row,
        error: jobcrypt_core::Error,
    ) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
        let now = JobContext::new(&row.kind);
        for was in &self.options.kind_was {
            let was = JobContext::new(was);
            if let Ok(new) = self.hook.migrate_bytes_between(&was, &now, &row.stored) {
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

    /// Says whether something that is no token opens, in a legacy form, and moves nothing.
    fn look_at(&self, row: &Row) -> Result<Option<Vec<u8>>, jobcrypt_core::Error> {
        let context = JobContext::new(&row.kind);
        if self.hook.is_sealed(&context, &row.stored) {
            let opened = self.hook.open_bytes(&context, &row.stored)?;
            drop(opened.map(Zeroizing::new));
        }
        Ok(None)
    }

    fn audit(&self, decision: &SealDecision, table: &Table, row: &Row) -> Result<(), Error> {
        if self.options.is_dry_run {
            return Ok(());
        }
        info!(target: "jobcrypt", table = table.name(), job = row.id, kind = ?row.kind, "plaintext.sealed");
        let line = Audit {
            action: AuditAction::Seal,
            table: table.name(),
            id: &row.id,
            kind: &row.kind,
        };
        (decision.audit.0)(&line).map_err(Error::Audit)
    }

    fn begin_round(&mut self, table: &Table) {
        self.raced.remove(table.name());
        self.unreadable.remove(table.name());
    }

    fn note(&mut self, table: &Table, done: &Rewritten, found: InPage, is_sealing: bool) {
        self.scanned += done.rows;
        self.migrated += done.written;
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

    fn learn_targets(&mut self, status: &Status) {
        for count in status.counts() {
            if !self.targets.contains_key(&count.kind) {
                self.learn_target(&count.kind);
            }
        }
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
    fn passed_over(&self) -> BTreeMap<String, KeyId> {
        if self.options.kind_was.is_empty() {
            self.targets.clone()
        } else {
            BTreeMap::new()
        }
    }

    /// How many jobs are to be moved, with those that name no key or without.
    fn to_move(&self, status: &Status, with_plaintext: bool) -> u64 {
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

    fn is_stopped(&self) -> bool {
        self.options.stop.is_asked_for()
    }

    fn progress(&self) -> Progress {
        Progress {
            total: self.total,
            scanned: self.scanned,
            migrated: self.migrated,
            elapsed: self.began.elapsed(),
        }
    }

    async fn keep_to_rate(&self) {
        let Some(rate) = self.options.rate else {
            return;
        };
        #[allow(clippy::cast_precision_loss, reason = "a rate is an estimate")]
        let due = Duration::try_from_secs_f64(self.scanned as f64 / rate).unwrap_or_default();
        tokio::time::sleep(due.saturating_sub(self.began.elapsed())).await;
    }

    fn report(self, status: Status) -> Report {
        let found: u64 = self.unreadable.values().map(|it| it.0).sum();
        let left = self.to_move(&status, false);
        let listed = self.unreadable.into_values().flat_map(|it| it.1);
        Report {
            scanned: self.scanned,
            migrated: self.migrated,
            sealed: self.sealed,
            raced: self.raced.values().sum(),
            unreadable: found,
            unreadable_jobs: listed.take(LISTED).collect(),
            left,
            is_interrupted: self.options.stop.is_asked_for(),
            status,
        }
    }
}
