use std::time::Duration;

use jobcrypt_core::EncryptHook;
use tracing::warn;

use crate::{
    Error, MigrateOptions, Progress, Report, Selection, Store, Table,
    database::{Page, Rewritten, Row, changed},
    migrate_options::SealDecision,
    migration::{InPage, Migration},
    page_size::PageSize,
};

impl Store {
    /// Moves stored jobs to the key that seals their kind now, while workers work: their args, and outputs and errors in
    /// further columns; of values that an app sealed itself those whose [name](MigrateOptions::value) is given.
    ///
    /// Rows are read in pages, in the order of their ids, and each is written only if id, kind, state and
    /// args are still what was read. Jobs that are being worked, that another process has in hand or that
    /// somebody changed are met again in later rounds. What cannot be opened is reported and stays. There
    /// is no state but the rows themselves: stopped anywhere, it goes on when it is called again, also in
    /// many processes at once.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for options that contradict each other, [`Error::AnotherMarker`] and
    /// [`Error::NothingOpens`] for a hook that is not the one of producers and workers, [`Error::Hook`] for a hook that never
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
        self.must_know_marker(hook, &before).await?;
        if options.seal.is_some() {
            self.must_open(hook, &before).await?;
        }
        hook.audit(&migration.started());
        migration.learn_targets(&before);
        migration.total = migration.to_move(&before, options.seal.is_some());
        for table in &self.tables {
            if let Some(decision) = &options.seal {
                self.pass(&mut migration, table, Some(decision), progress)
                    .await?;
            }
            let mut moved_before = u64::MAX;
            loop {
                let begun = migration.migrated + migration.further;
                migration.begin_round(table);
                self.pass(&mut migration, table, None, progress).await?;
                // Rows that were passed over are met again; once nothing moved, nothing will. And where as many come as
                // move, somebody seals under another key meanwhile: an old node, or a migration with older keys.
                let moved = migration.migrated + migration.further - begun;
                if moved == 0
                    || moved >= moved_before
                    || options.is_dry_run
                    || migration.is_stopped()
                {
                    break;
                }
                moved_before = moved;
            }
        }
        hook.audit(&migration.finished());
        let status = self.status().await?;
        Ok(migration.report(status))
    }

    /// A limit that is no id must not be one that lets every row through, as a text beside numbers is for
    /// SQLite.
    pub(crate) fn check_limit(&self, up_to_id: &str) -> Result<(), Error> {
        self.must_be_id(up_to_id).map_err(|_| {
            Error::Refused("the limit of what may be sealed is not an id of this table")
        })
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
                only_stale: (sealing.is_none() && !migration.looks_within).then_some(&targets),
                only_with_tokens: sealing.is_none() && migration.looks_within,
                with_further: sealing.is_none() && migration.looks_within,
            };
            let done = match self.page(migration, table, &page, sealing).await {
                Err(Error::Unstorable(_)) => {
                    self.row_by_row(migration, table, &page, sealing).await?
                }
                outcome => outcome?,
            };
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

    /// Rewrites the rows of a page one by one, and passes over what the database refuses to hold.
    async fn row_by_row(
        &self,
        migration: &mut Migration<'_>,
        table: &Table,
        page: &Page<'_>,
        sealing: Option<&SealDecision>,
    ) -> Result<Rewritten, Error> {
        let mut all = Rewritten::default();
        let mut one = Page {
            limit: 1,
            ..page.clone()
        };
        for _ in 0..page.limit {
            let done = match self.page(migration, table, &one, sealing).await {
                Err(Error::Unstorable(why)) => migration.note_unstorable(table, why),
                outcome => outcome?,
            };
            let Some(last) = done.last else {
                break;
            };
            all.longest = all.longest.max(done.longest);
            all.last = Some(last);
            one.after.clone_from(&all.last);
        }
        Ok(all)
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
                let mut change = |rows: &[Row]| {
                    found = InPage::of(rows);
                    migration.change(table, rows, sealing, &mut found)
                };
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
                Err(error) => {
                    migration.tried(found);
                    return Err(error);
                }
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
        let new = migration.change(table, &rows, sealing, found)?;
        let mut done = Rewritten::of(&rows);
        for column in changed(table, &rows, &new) {
            done.note(&column, column.values.len() as u64);
        }
        Ok(done)
    }
}

/// How often a page is tried, 50 ms after its first failure, then at twice the distance each time.
const TRIES: u32 = 8;
const FIRST_DELAY: Duration = Duration::from_millis(25);
