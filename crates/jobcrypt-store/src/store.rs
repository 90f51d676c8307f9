use std::collections::BTreeSet;

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
    /// [`Error::Url`], [`Error::Database`], [`Error::NoTable`] or [`Error::NoColumn`].
    pub async fn connect(
        url: &str,
        tables: impl IntoIterator<Item = Table>,
    ) -> Result<Self, Error> {
        let database = database(url).await?;
        let mut known = Vec::new();
        for mut table in tables {
            table.types = database.columns(table.name()).await?;
            if table.types.is_empty() && table.is_optional {
                continue;
            }
            if table.types.is_empty() {
                return Err(Error::NoTable(table.name().to_owned()));
            }
            let missing = |column: &&&str| !table.types.contains_key(**column);
            if let Some(column) = table.needed_columns().iter().find(missing) {
                return Err(Error::NoColumn {
                    table: table.name().to_owned(),
                    column: (*column).to_owned(),
                });
            }
            let columns = table.needed_columns();
            if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
                return Err(Error::Refused("one column stands for two things"));
            }
            table.settle_forms()?;
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
        let counts = self.database.count(&self.tables).await?;
        let is_replica = self.database.is_replica().await?;
        Ok(Status::new(counts, is_replica))
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
