//! A new database for each test, with River's schema in it.

use std::{
    fs, process,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use jobcrypt_testkit::PostgresPrograms;
use riverqueue::{
    Client, ClientBuilder,
    migrate::{PostgresMigrator, SqliteMigrator},
};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool, Row, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use tempfile::TempDir;

pub enum Database {
    Postgres(PgPool),
    Sqlite(SqlitePool, TempDir),
}

/// A row of `river_job`, its JSON columns as the text that the database prints.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredJob {
    pub id: i64,
    pub kind: String,
    pub args: String,
    pub state: String,
    pub attempt: i64,
    pub metadata: Value,
    pub errors: String,
    pub years_ahead: i64,
}

impl Database {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("river.sqlite3");
        let options = SqliteConnectOptions::from_str(&format!("sqlite://{}", path.display()))
            .expect("the path makes a URL")
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new()
            .connect_with(options)
            .await
            .expect("SQLite opens a new file");
        SqliteMigrator::new(pool.clone())
            .migrate_up()
            .await
            .expect("River's schema applies");
        Self::Sqlite(pool, folder)
    }

    pub async fn postgres() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);

        let server = std::env::var("JOBCRYPT_TEST_POSTGRES").expect(
            "JOBCRYPT_TEST_POSTGRES is not set: run the tests with `cargo xtask test`, which starts a server",
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("river_{}_{count}", process::id());
        let mut admin = PgConnection::connect(&server)
            .await
            .expect("the throwaway PostgreSQL server accepts connections");
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut admin)
            .await
            .expect("the server makes a database");
        let options = PgConnectOptions::from_str(&server)
            .expect("it connected a moment ago")
            .database(&name);
        let pool = PgPoolOptions::new()
            .max_connections(6)
            .connect_with(options)
            .await
            .expect("the new database accepts connections");
        PostgresMigrator::new(pool.clone())
            .migrate_up()
            .await
            .expect("River's schema applies");
        Self::Postgres(pool)
    }

    /// The URL that another program connects by.
    pub fn url(&self) -> String {
        match self {
            Self::Postgres(pool) => pool.connect_options().to_url_lossy().to_string(),
            Self::Sqlite(_, folder) => {
                format!("sqlite://{}", folder.path().join("river.sqlite3").display())
            }
        }
    }

    /// All that it holds: PostgreSQL's own dump, or SQLite's files as they are.
    pub fn dump(&self) -> Vec<u8> {
        match self {
            Self::Postgres(_) => {
                // What follows are settings of sqlx.
                let url = self.url();
                let url = url.split('?').next().unwrap_or_default();
                let programs = PostgresPrograms::find().expect("a server is running");
                programs.dump(url, None).expect("pg_dump dumps it")
            }
            Self::Sqlite(_, folder) => {
                let files = fs::read_dir(folder.path()).expect("the folder is there");
                let files = files.map(|file| file.and_then(|file| fs::read(file.path())));
                let files: Result<Vec<_>, _> = files.collect();
                files.expect("its files can be read").concat()
            }
        }
    }

    /// Runs statements, in the words that both databases know.
    pub async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(pool) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
            Self::Sqlite(pool, _) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
        }
        .expect("the statement runs");
    }

    pub fn client(&self) -> ClientBuilder {
        match self {
            Self::Postgres(pool) => Client::builder(pool.clone()),
            Self::Sqlite(pool, _) => Client::builder(pool.clone()),
        }
    }

    pub async fn jobs(&self) -> Vec<StoredJob> {
        const POSTGRES: &str =
            "select id, kind, args::text, state::text, attempt::bigint, metadata::text,
            coalesce(array_to_string(errors, ' '), ''),
            extract(year from age(scheduled_at, now()))::bigint from river_job order by id";
        const SQLITE: &str = "select id, kind, json(args), state, attempt, json(metadata),
            coalesce(json(errors), ''),
            strftime('%Y', scheduled_at) - strftime('%Y', 'now') from river_job order by id";
        macro_rules! read {
            ($sql:expr, $pool:expr) => {
                sqlx::query($sql)
                    .fetch_all($pool)
                    .await
                    .expect("the table can be read")
                    .into_iter()
                    .map(|row| StoredJob {
                        id: row.get(0),
                        kind: row.get(1),
                        args: row.get(2),
                        state: row.get(3),
                        attempt: row.get(4),
                        metadata: serde_json::from_str(row.get(5)).expect("metadata is JSON"),
                        errors: row.get(6),
                        years_ahead: row.get(7),
                    })
                    .collect()
            };
        }
        match self {
            Self::Postgres(pool) => read!(POSTGRES, pool),
            Self::Sqlite(pool, _) => read!(SQLITE, pool),
        }
    }

    pub async fn job(&self, id: i64) -> StoredJob {
        self.jobs()
            .await
            .into_iter()
            .find(|job| job.id == id)
            .expect("a job is never deleted")
    }

    /// Puts a row into the table as another client or an intruder would.
    pub async fn plant(&self, kind: &str, args: &str) -> i64 {
        const POSTGRES: &str = "insert into river_job (kind, args, max_attempts, queue, state)
            values ($1, $2::jsonb, 25, 'default', 'available') returning id";
        const SQLITE: &str = "insert into river_job (kind, args, max_attempts, queue, state)
            values ($1, jsonb($2), 25, 'default', 'available') returning id";
        let id = match self {
            Self::Postgres(pool) => {
                sqlx::query_scalar(POSTGRES)
                    .bind(kind)
                    .bind(args)
                    .fetch_one(pool)
                    .await
            }
            Self::Sqlite(pool, _) => {
                sqlx::query_scalar(SQLITE)
                    .bind(kind)
                    .bind(args)
                    .fetch_one(pool)
                    .await
            }
        };
        id.expect("the row is inserted")
    }

    /// Makes a new database of the same sort.
    pub async fn another(&self) -> Self {
        match self {
            Self::Postgres(_) => Self::postgres().await,
            Self::Sqlite(..) => Self::sqlite().await,
        }
    }

    /// Makes every job due that waits or is scheduled, but not those that are parked.
    pub async fn make_due(&self) {
        const POSTGRES: &str = "update river_job set state = 'available', scheduled_at = now()
            where state in ('available', 'retryable', 'scheduled') and scheduled_at < now() + interval '1 year'";
        const SQLITE: &str =
            "update river_job set state = 'available', scheduled_at = datetime('now')
            where state in ('available', 'retryable', 'scheduled') and scheduled_at < datetime('now', '1 year')";
        macro_rules! update {
            ($sql:expr, $pool:expr) => {
                sqlx::query($sql).execute($pool).await.map(drop)
            };
        }
        let done = match self {
            Self::Postgres(pool) => update!(POSTGRES, pool),
            Self::Sqlite(pool, _) => update!(SQLITE, pool),
        };
        done.expect("the table can be changed");
    }

    /// Runs one of the documentation's queries, the `nth` that is headed by this database's name;
    /// returns its rows, every column as text.
    pub async fn documented(&self, page: &str, nth: usize) -> Vec<Vec<String>> {
        let name = match self {
            Self::Postgres(_) => "-- PostgreSQL",
            Self::Sqlite(..) => "-- SQLite",
        };
        let sql = page
            .split("```sql\n")
            .skip(1)
            .filter_map(|block| block.split("```").next())
            .filter(|block| block.starts_with(name))
            .nth(nth)
            .expect("the page has such a query");
        macro_rules! read {
            ($pool:expr) => {
                // Not prepared, so PostgreSQL answers in text whatever the columns are.
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
                    .fetch_all($pool)
                    .await
                    .expect("the documented query runs")
                    .into_iter()
                    .map(|row| (0..row.len()).map(|at| row.get_unchecked(at)).collect())
                    .collect()
            };
        }
        match self {
            Self::Postgres(pool) => read!(pool),
            Self::Sqlite(pool, _) => read!(pool),
        }
    }
}
