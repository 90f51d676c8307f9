use std::{path::Path, time::Duration};

use riverqueue::{BoxError, Client, ClientBuilder, migrate::SqliteMigrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;

use crate::{
    audit::{Audit, Event},
    command::KIND,
};

/// River's tables on SQLite.
pub(crate) struct Database {
    pool: SqlitePool,
    /// The folder of a database that is not kept.
    _folder: Option<TempDir>,
}

impl Database {
    pub(crate) async fn open(path: Option<&Path>) -> Result<Self, BoxError> {
        let folder = match path {
            Some(_) => None,
            None => Some(tempfile::tempdir()?),
        };
        let path = match (path, &folder) {
            (None, Some(folder)) => folder.path().join("naas.sqlite3"),
            (path, _) => path.unwrap_or(Path::new("naas.sqlite3")).to_owned(),
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().connect_with(options).await?;
        SqliteMigrator::new(pool.clone()).migrate_up().await?;
        Ok(Self {
            pool,
            _folder: folder,
        })
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder(self.pool.clone())
    }

    /// Reports jobs that a worker had in hand when it ended, and makes them available: on SQLite this is the one worker.
    pub(crate) async fn report_orphans(&self, audit: &Audit) -> Result<(), BoxError> {
        let orphans: Vec<(String, String)> = sqlx::query_as(
            "update river_job set state = 'available', max_attempts = max_attempts + 1
             where kind = ? and state = 'running'
             returning coalesce(json(args) ->> '$.request_id', ''), coalesce(json(attempted_by) ->> '$[#-1]', '')",
        )
        .bind(KIND)
        .fetch_all(&self.pool)
        .await?;
        for (request_id, worker_name) in &orphans {
            audit.emit(&Event::JobOrphaned {
                request_id,
                worker_name,
            });
        }
        Ok(())
    }
}
