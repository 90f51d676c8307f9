use std::{collections::BTreeMap, str::FromStr, time::Duration};

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};

use crate::{
    Count, Error, Form, Table,
    counts::Counts,
    database::{Change, Database, Page, Rewritten, Row, Unparked, changed},
    row,
    sqlite::{
        counting::rows_to_count,
        expression::is_parked,
        statement::{compare_and_swap, page_of_rows},
    },
    table::{column, quoted},
};

mod counting;
mod expression;
mod statement;

pub(crate) struct Sqlite {
    pool: SqlitePool,
}

/// How long to wait for the one writer that SQLite allows.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

impl Sqlite {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        let options = SqliteConnectOptions::from_str(url)?.busy_timeout(BUSY_TIMEOUT);
        let file = options.get_filename().to_owned();
        let pool = SqlitePoolOptions::new().max_connections(2);
        match pool.connect_with(options).await {
            Ok(pool) => Ok(Self { pool }),
            Err(sqlx::Error::Database(_)) if !file.exists() => Err(Error::NoFile(file)),
            Err(error) => Err(error.into()),
        }
    }

    /// Has a connection of its own, that waits no longer than that for whoever writes.
    async fn impatient(&self, patience: Duration) -> Result<SqliteConnection, Error> {
        let options = SqliteConnectOptions::clone(&self.pool.connect_options());
        Ok(options.busy_timeout(patience).connect().await?)
    }
}

#[async_trait]
impl Database for Sqlite {
    async fn columns(&self, table: &str) -> Result<BTreeMap<String, String>, Error> {
        let name = table.rsplit('.').next().unwrap_or(table);
        let rows = sqlx::query("select name, type from pragma_table_info(?)")
            .bind(name)
            .fetch_all(&self.pool)
            .await?;
        let column = |row: &SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(column).collect()
    }

    fn form_of(&self, type_name: &str) -> Option<Form> {
        match type_name {
            "bytea" => Some(Form::Bytes),
            "json" | "jsonb" => Some(Form::Json),
            _ => None,
        }
    }

    async fn count(
        &self,
        tables: &[Table],
        patience: Option<Duration>,
    ) -> Result<Vec<Count>, Error> {
        let mut own;
        let mut pooled;
        let mut moment = if let Some(patience) = patience {
            own = self.impatient(patience).await?;
            // The one writer that there may be is this one, which writes nothing.
            match own.begin_with("begin immediate").await {
                Ok(moment) => moment,
                Err(error) => return Err(still_written(error, tables)),
            }
        } else {
            pooled = self.pool.acquire().await?;
            pooled.begin().await?
        };
        let mut counts = Counts::default();
        for table in tables {
            // As they come: no id has to tell rows apart or to have an order.
            let sql = rows_to_count(table);
            let mut rows = sql.query().fetch(&mut *moment);
            while let Some(row) = rows.try_next().await? {
                counts.add_row(table, &row::read_to_count(&row)?);
            }
        }
        moment.commit().await?;
        Ok(counts.into_vec())
    }

    async fn rows(&self, table: &Table, page: &Page<'_>) -> Result<Vec<Row>, Error> {
        let sql = page_of_rows(table, page)?;
        let rows = sql.query().fetch_all(&self.pool).await?;
        rows.iter().map(row::read).collect()
    }

    async fn rewrite(
        &self,
        table: &Table,
        page: &Page<'_>,
        change: &mut Change<'_>,
    ) -> Result<Rewritten, Error> {
        let rows = self.rows(table, page).await?;
        let new = change(&rows)?;
        let mut done = Rewritten::of(&rows);
        let changed = changed(table, &rows, &new);
        if changed.is_empty() {
            return Ok(done);
        }
        // The one writer is kept from others only while what is ready is written.
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        for column in changed {
            let sql = compare_and_swap(table, column.column);
            let mut written = 0;
            for (row, old, new) in &column.values {
                let form = column.column.form;
                written += swap(&mut transaction, &sql, form, row, [old, new]).await?;
            }
            done.note(&column, written);
        }
        transaction.commit().await?;
        Ok(done)
    }

    async fn unpark(&self, table: &Table, page: &Page<'_>) -> Result<Unparked, Error> {
        let rows = self.rows(table, page).await?;
        // As River's own retry does it; the note goes too, so that `status` no longer counts the job.
        let sql = format!(
            "update {} as t set state = 'available', finalized_at = null,
                scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now'),
                max_attempts = t.max_attempts + (t.attempt = t.max_attempts),
                metadata = jsonb_set(t.metadata, '$.jobcrypt', null)
             where {} = ?1 and {}",
            quoted(table.name()),
            column(&table.id),
            is_parked(table),
        );
        let mut written = 0;
        let mut transaction = self.pool.begin_with("begin immediate").await?;
        for row in &rows {
            let update = sqlx::query(AssertSqlSafe(sql.clone())).bind(&row.id);
            written += update.execute(&mut *transaction).await?.rows_affected();
        }
        transaction.commit().await?;
        Ok(Unparked {
            last: rows.last().map(|row| row.id.clone()),
            written,
        })
    }
}

fn still_written(error: sqlx::Error, tables: &[Table]) -> Error {
    match (Error::from(error), tables.first()) {
        (Error::Connection(_), Some(table)) => Error::StillWritten(table.name().to_owned()),
        (other, _) => other,
    }
}

async fn swap(
    connection: &mut SqliteConnection,
    sql: &str,
    form: Form,
    row: &Row,
    values: [&[u8]; 2],
) -> Result<u64, Error> {
    let mut update = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .bind(&row.id)
        .bind(&row.kind)
        .bind(&row.state);
    for value in values {
        update = match form {
            Form::Bytes => update.bind(value),
            Form::Text | Form::Json => update.bind(String::from_utf8_lossy(value)),
        };
    }
    Ok(update.execute(connection).await?.rows_affected())
}
