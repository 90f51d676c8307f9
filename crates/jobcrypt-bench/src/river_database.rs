use std::{io, str::FromStr, time::Duration};

use jobcrypt_testkit::PostgresServer;
use riverqueue::{
    BoxError, Client, ClientBuilder,
    migrate::{PostgresMigrator, SqliteMigrator},
};
use sqlx::{
    PgPool, SqlitePool,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use tempfile::TempDir;

/// A database for River that nobody else uses, gone when dropped.
pub(crate) enum RiverDatabase {
    Postgres(PostgresServer),
    Sqlite(TempDir),
}

impl RiverDatabase {
    /// A server of its own. It need not survive a crash, which makes River faster and the share of the
    /// plugin larger.
    pub(crate) fn postgres() -> io::Result<Self> {
        PostgresServer::start(&std::env::temp_dir()).map(Self::Postgres)
    }

    pub(crate) fn sqlite() -> io::Result<Self> {
        tempfile::tempdir().map(Self::Sqlite)
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::Sqlite(_) => "SQLite",
        }
    }

    /// Returns a client of an empty table.
    pub(crate) async fn client(&self) -> Result<ClientBuilder, BoxError> {
        match self {
            Self::Postgres(server) => {
                let pool = PgPoolOptions::new()
                    .max_connections(6)
                    .connect(&server.url())
                    .await?;
                Self::empty_postgres(&pool).await?;
                Ok(Client::builder(pool))
            }
            Self::Sqlite(folder) => {
                let url = format!("sqlite://{}/river.sqlite3", folder.path().display());
                let options = SqliteConnectOptions::from_str(&url)?
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .busy_timeout(Duration::from_secs(10));
                let pool = SqlitePoolOptions::new().connect_with(options).await?;
                Self::empty_sqlite(&pool).await?;
                Ok(Client::builder(pool))
            }
        }
    }

    async fn empty_postgres(pool: &PgPool) -> Result<(), BoxError> {
        PostgresMigrator::new(pool.clone()).migrate_up().await?;
        sqlx::query("truncate river_job").execute(pool).await?;
        Ok(())
    }

    async fn empty_sqlite(pool: &SqlitePool) -> Result<(), BoxError> {
        SqliteMigrator::new(pool.clone()).migrate_up().await?;
        sqlx::query("delete from river_job").execute(pool).await?;
        Ok(())
    }
}
