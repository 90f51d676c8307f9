use riverqueue::{BoxError, ClientBuilder};

use crate::{command_line::CommandLine, postgres::Postgres, sqlite::Sqlite, tally::Tally};

/// Where the jobs are stored. Both sides answer the same questions, each in its own SQL.
#[derive(Debug)]
pub(crate) enum Database {
    Postgres(Postgres),
    Sqlite(Sqlite),
}

impl Database {
    pub(crate) async fn create(options: CommandLine) -> Result<Self, BoxError> {
        Ok(match options.postgres {
            Some(url) => Self::Postgres(Postgres::create(&url, options.keep).await?),
            None => Self::Sqlite(Sqlite::create(options.db).await?),
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::Sqlite(_) => "SQLite",
        }
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        match self {
            Self::Postgres(postgres) => postgres.client(),
            Self::Sqlite(sqlite) => sqlite.client(),
        }
    }

    /// Returns the args of a job as they are stored.
    pub(crate) async fn stored_args(&self, id: i64) -> Result<String, BoxError> {
        match self {
            Self::Postgres(postgres) => postgres.stored_args(id).await,
            Self::Sqlite(sqlite) => sqlite.stored_args(id).await,
        }
    }

    /// Counts the jobs by key, over what is stored.
    pub(crate) async fn tally(&self) -> Result<Tally, BoxError> {
        match self {
            Self::Postgres(postgres) => postgres.tally().await,
            Self::Sqlite(sqlite) => sqlite.tally().await,
        }
    }

    /// Closes the database and returns its bytes: those of the SQLite file, or of all rows as text.
    pub(crate) async fn close(&self) -> Result<Vec<u8>, BoxError> {
        match self {
            Self::Postgres(postgres) => postgres.close().await,
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    /// Says where the database was kept, if it was.
    pub(crate) fn kept(&self) -> Option<String> {
        match self {
            Self::Postgres(postgres) => postgres.kept(),
            Self::Sqlite(sqlite) => sqlite.kept(),
        }
    }
}
