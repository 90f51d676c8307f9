use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use riverqueue::{BoxError, Client, ClientBuilder, migrate::SqliteMigrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;

use crate::{
    ensure::ensure,
    tally::{self, Tally},
};

#[derive(Debug)]
pub(crate) struct Sqlite {
    pool: SqlitePool,
    path: PathBuf,
    /// The folder of a database that is not kept.
    temporary: Option<TempDir>,
}

/// A token is `jc1.<cipher>.<key id>.<body>`, and a key id has 22 characters.
const TALLY: &str = "
    with token as (
        select finalized_at, substr(args ->> '$.river_encrypt', 5) as rest from river_job
    )
    select
        substr(rest, 1, instr(rest, '.') - 1) as cipher,
        substr(rest, instr(rest, '.') + 1, 22) as key_id,
        count(*) filter (where finalized_at is null),
        count(*) filter (where finalized_at is not null)
    from token group by cipher, key_id";

impl Sqlite {
    pub(crate) async fn create(kept_at: Option<PathBuf>) -> Result<Self, BoxError> {
        let (path, temporary) = if let Some(path) = kept_at {
            claim(&path)?;
            (path, None)
        } else {
            let folder = tempfile::tempdir()?;
            (folder.path().join("quickstart.sqlite3"), Some(folder))
        };
        // What River asks of every process on a SQLite database.
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().connect_with(options).await?;
        SqliteMigrator::new(pool.clone()).migrate_up().await?;
        Ok(Self {
            pool,
            path,
            temporary,
        })
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder(self.pool.clone())
    }

    pub(crate) async fn stored_args(&self, id: i64) -> Result<String, BoxError> {
        Ok(
            sqlx::query_scalar("select json(args) from river_job where id = ?")
                .bind(id)
                .fetch_one(&self.pool)
                .await?,
        )
    }

    pub(crate) async fn tally(&self) -> Result<Tally, BoxError> {
        tally::from_rows(sqlx::query_as(TALLY).fetch_all(&self.pool).await?)
    }

    pub(crate) async fn close(&self) -> Result<Vec<u8>, BoxError> {
        // The last connection to close moves the write-ahead log into the file and removes it.
        self.pool.close().await;
        for part in parts(&self.path).skip(1) {
            ensure(!part.try_exists()?, || {
                format!("{} is left behind", part.display())
            })?;
        }
        Ok(fs::read(&self.path)?)
    }

    pub(crate) fn kept(&self) -> Option<String> {
        if self.temporary.is_some() {
            return None;
        }
        let path = self.path.display();
        Some(format!(
            "Kept: {path}\n      \
             sqlite3 {path} 'select id, kind, json(args) from river_job'  # 3.45 or later"
        ))
    }
}

/// Makes the file, or fails where it, or what SQLite would take for a part of it, is there already.
fn claim(path: &Path) -> Result<(), BoxError> {
    for part in parts(path) {
        ensure(!part.try_exists()?, || {
            format!(
                "{} exists already, and the quickstart neither adds to a file nor removes one; \
                 name another path, or remove it yourself",
                part.display()
            )
        })?;
    }
    fs::File::create_new(path)
        .map(drop)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The database file and those that SQLite may put beside it.
fn parts(path: &Path) -> impl Iterator<Item = PathBuf> {
    ["", "-journal", "-shm", "-wal"].into_iter().map(|suffix| {
        let mut part = path.as_os_str().to_owned();
        part.push(suffix);
        PathBuf::from(part)
    })
}
