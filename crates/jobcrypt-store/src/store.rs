use std::{collections::BTreeSet, time::Duration};

use crate::{Error, Status, Table, database::Database};

/// Stored jobs: one or more tables of a database, and what can be done with the jobs in them.
///
/// ```no_run
/// # async fn run() -> Result<(), jobcrypt_store::Error> {
/// use jobcrypt_store::{Store, Table};
///
/// let tables = [Table::river(), Table::river_dead_letter()];
/// let store = Store::connect("postgres://localhost/app", tables).await?;
/// for (key, jobs) in store.status().await?.usage() {
///     println!("{key} {jobs}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Store {
    pub(crate) database: Box<dyn Database>,
    pub(crate) tables: Vec<Table>,
}

impl Store {
    /// Connects to the database at `url`, `postgres://...` or `sqlite://...`, and looks whether the tables
    /// are as they are described.
    ///
    /// # Errors
    ///
    /// [`Error::Url`], [`Error::Unreachable`], [`Error::NoFile`], [`Error::Database`], [`Error::NoTable`],
    /// [`Error::NoColumn`] or [`Error::OtherCase`].
    pub async fn connect(
        url: &str,
        tables: impl IntoIterator<Item = Table>,
    ) -> Result<Self, Error> {
        let database = database(url).await.map_err(|error| match error {
            Error::Connection(text) => Error::Unreachable(text),
            other => other,
        })?;
        let mut known = Vec::new();
        for mut table in tables {
            table.types = database.columns(table.name()).await?;
            if table.types.is_empty() && table.is_optional {
                continue;
            }
            if table.types.is_empty() {
                let asked = table.name().to_owned();
                return Err(match database.other_case(&asked).await? {
                    Some(there) => other_case("table", &asked, &there),
                    None => Error::NoTable(asked),
                });
            }
            let missing = |column: &&&str| !table.types.contains_key(**column);
            if let Some(column) = table.needed_columns().iter().find(missing) {
                let mut columns = table.types.keys();
                return Err(match columns.find(|it| it.eq_ignore_ascii_case(column)) {
                    Some(there) => other_case("column", column, there),
                    None => Error::NoColumn {
                        table: table.name().to_owned(),
                        column: (*column).to_owned(),
                    },
                });
            }
            let columns = table.needed_columns();
            if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
                return Err(Error::Refused("one column stands for two things"));
            }
            table.settle_forms(|type_name| database.form_of(type_name))?;
            table.keep_only_what_is_there();
            known.push(table);
        }
        Ok(Self {
            database,
            tables: known,
        })
    }

    /// Counts what rests in the tables, all at one moment and without a key.
    ///
    /// # Errors
    ///
    /// [`Error::Database`], also where a policy hides rows from this user, and [`Error::Connection`].
    pub async fn status(&self) -> Result<Status, Error> {
        self.status_of_moment(None).await
    }

    /// Counts as [`status`](Self::status) does, at a moment in which no transaction has written to the tables and not
    /// ended: what is not committed shows in no other count, and this one is what a key is destroyed by. Transactions that
    /// write wait until it is over, for as long as a count takes; on PostgreSQL for up to two seconds more while it
    /// waits for those before it. On a replica, where nothing can be locked, it counts as `status` does.
    ///
    /// # Errors
    ///
    /// Those of `status`; [`Error::StillWritten`] when a transaction that writes does not end for as long as `patience`, and
    /// [`Error::MayNotLock`].
    pub async fn status_between_writes(&self, patience: Duration) -> Result<Status, Error> {
        self.status_of_moment(Some(patience)).await
    }

    /// Refuses a text that is no id of one of the tables.
    pub(crate) fn must_be_id(&self, id: &str) -> Result<(), Error> {
        self.tables
            .iter()
            .try_for_each(|table| table.must_be_id(id))
    }

    async fn status_of_moment(&self, patience: Option<Duration>) -> Result<Status, Error> {
        let is_replica = self.database.is_replica().await?;
        let patience = patience.filter(|_| !is_replica);
        let counts = self.database.count(&self.tables, patience).await?;
        Ok(Status::new(counts, is_replica))
    }
}

fn other_case(what: &str, asked: &str, there: &str) -> Error {
    Error::OtherCase {
        asked: format!("{what} {asked}"),
        there: there.to_owned(),
    }
}

async fn database(url: &str) -> Result<Box<dyn Database>, Error> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => {
            Ok(Box::new(crate::postgres::Postgres::connect(url).await?))
        }
        #[cfg(feature = "sqlite")]
        Some("sqlite") => Ok(Box::new(crate::sqlite::Sqlite::connect(url).await?)),
        _ => Err(Error::Url),
    }
}
