use std::{collections::BTreeMap, str::FromStr, time::Duration};

use crate::{
    Count, Error, Found, Place, Table,
    database::{Change, Database, Page, Rewritten, Row, Unparked, changed},
    postgres::{
        counting::{LEGACY, count_elsewhere, count_of_args},
        expression::id_type,
        statement::{compare_and_swap, page_of_rows},
    },
    row,
    table::quoted,
    token_scan,
};
use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};

mod counting;
mod expression;
mod statement;

pub(crate) struct Postgres {
    pool: PgPool,
}

/// Long enough for a server that restarts.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The planner cannot know that keys are few: it would sort the whole table on disk, args and all. And one
/// pass is over before it is compiled. Rows that a policy hides from the role may need a key: that is an error. And whoever waits
/// for a table holds the lock of the key repository.
const ONE_PASS: &str =
    "select set_config(name, case name when 'lock_timeout' then '10s' else 'off' end, true)
    from pg_settings where name in
        ('enable_sort', 'enable_incremental_sort', 'jit', 'row_security', 'lock_timeout')";

/// River's indexes of the type GIN keep what is new in a list, and whoever fills it up to 4 MB clears it: half a
/// second, with the page locked. A short list is cleared within milliseconds.
const REWRITING: &str = "begin; set local gin_pending_list_limit = '64kB'";

impl Postgres {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        // By this name an operator finds it among the connections of the server.
        let server = PgConnectOptions::from_str(url)?.application_name("jobcrypt");
        // A pool tries a server that refuses again and again, and hides the cause.
        server.connect().await?.close().await?;
        let options = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(CONNECT_TIMEOUT);
        Ok(Self {
            pool: options.connect_with(server).await?,
        })
    }
}

#[async_trait]
impl Database for Postgres {
    async fn columns(&self, table: &str) -> Result<BTreeMap<String, String>, Error> {
        let rows = sqlx::query(
            // What is under a domain, and without a length: a cast to `varchar(160)` cuts what is longer.
            "with recursive types(name, type) as (
                select attname::text, atttypid from pg_attribute
                where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
                union all
                select name, typbasetype from types join pg_type on pg_type.oid = type where typtype = 'd'
             )
             select name, format_type(type, -1) from types join pg_type on pg_type.oid = type
             where typtype <> 'd'",
        )
        .bind(quoted(table))
        .fetch_all(&self.pool)
        .await?;
        let column = |row: &PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(column).collect()
    }

    async fn is_replica(&self) -> Result<bool, Error> {
        let is_replica = sqlx::query_scalar("select pg_is_in_recovery()");
        Ok(is_replica.fetch_one(&self.pool).await?)
    }

    async fn count(&self, tables: &[Table]) -> Result<Vec<Count>, Error> {
        let mut moment = self
            .pool
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        sqlx::query(ONE_PASS).execute(&mut *moment).await?;
        let mut counts = Vec::new();
        for table in tables {
            let whole = count_of_args(table);
            let rows = sqlx::query(AssertSqlSafe(whole))
                .fetch_all(&mut *moment)
                .await?;
            let mut is_elsewhere = false;
            for row in rows {
                is_elsewhere |= row.try_get::<bool, _>(6)?;
                counts.push(counted(table, &row, Place::Args)?);
            }
            if !is_elsewhere {
                continue;
            }
            let elsewhere = count_elsewhere(table);
            let rows = sqlx::query(AssertSqlSafe(elsewhere))
                .fetch_all(&mut *moment)
                .await?;
            for row in rows {
                let place: i32 = row.try_get(6)?;
                let further = usize::try_from(place - 1).ok();
                let place = match further.and_then(|at| table.further.get(at)) {
                    Some(column) => Place::Column(column.name.clone()),
                    None => Place::WithinArgs,
                };
                let count = counted(table, &row, place)?;
                // What only looks like a token is one in the place of the args alone.
                if count.found != Found::Unreadable {
                    counts.push(count);
                }
            }
        }
        moment.commit().await?;
        Ok(counts)
    }

    async fn rows(&self, table: &Table, page: &Page<'_>) -> Result<Vec<Row>, Error> {
        let sql = page_of_rows(table, page);
        let rows = sql.query().fetch_all(&self.pool).await?;
        rows.iter().map(row::read).collect()
    }

    async fn rewrite(
        &self,
        table: &Table,
        page: &Page<'_>,
        change: &mut Change<'_>,
    ) -> Result<Rewritten, Error> {
        let mut transaction = self.pool.begin_with(REWRITING).await?;
        let mut sql = page_of_rows(table, page);
        // Workers and other processes pass over the page, and none waits for it.
        sql.text.push_str(" for update of t skip locked");
        let rows = sql.query().fetch_all(&mut *transaction).await?;
        let rows: Vec<Row> = rows.iter().map(row::read).collect::<Result<_, _>>()?;
        let new = change(&rows)?;
        let mut done = Rewritten::of(&rows);
        for column in changed(table, &rows, &new) {
            let text = |part: fn(&Row) -> &str| column.values.iter().map(|it| part(it.0)).collect();
            let ids: Vec<&str> = text(|row| &row.id);
            let kinds: Vec<&str> = text(|row| &row.kind);
            let states: Vec<&str> = text(|row| &row.state);
            let old: Vec<&[u8]> = column.values.iter().map(|it| it.1).collect();
            let new: Vec<&[u8]> = column.values.iter().map(|it| it.2).collect();
            let written = sqlx::query(AssertSqlSafe(compare_and_swap(table, column.column)))
                .bind(ids)
                .bind(kinds)
                .bind(states)
                .bind(old)
                .bind(new)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            done.note(&column, written);
        }
        transaction.commit().await?;
        Ok(done)
    }

    async fn unpark(&self, table: &Table, page: &Page<'_>) -> Result<Unparked, Error> {
        let mut sql = page_of_rows(table, page);
        sql.text.push_str(" for update of t skip locked");
        // As River's own retry does it; the note goes too, so that `status` no longer counts the job.
        let text = format!(
            "with page as ({}), put_back as (
                update {} as t set state = 'available', scheduled_at = now(), finalized_at = null,
                    max_attempts = t.max_attempts + (t.attempt = t.max_attempts)::int,
                    metadata = t.metadata || '{{\"jobcrypt\": null}}'
                from page where t.id = page.id::{} and t.state = 'scheduled' returning 1
            ) select (select max(id::{})::text from page), (select count(*) from put_back)",
            sql.text,
            quoted(table.name()),
            id_type(table),
            id_type(table),
        );
        sql.text = text;
        let row = sql.query().fetch_one(&self.pool).await?;
        Ok(Unparked {
            last: row.try_get(0)?,
            written: row.try_get::<i64, _>(1)?.unsigned_abs(),
        })
    }
}

fn counted(table: &Table, row: &PgRow, place: Place) -> Result<Count, Error> {
    let head: Option<String> = row.try_get(3)?;
    Ok(Count {
        table: table.name().to_owned(),
        place,
        kind: row.try_get::<Option<_>, _>(0)?.unwrap_or_default(),
        state: row.try_get::<Option<_>, _>(1)?.unwrap_or_default(),
        is_parked: row.try_get(2)?,
        found: match head.as_deref() {
            None => Found::Plaintext,
            Some(LEGACY) => Found::Legacy,
            Some(head) => token_scan::found(head.trim_end_matches('.')),
        },
        count: row.try_get::<i64, _>(4)?.unsigned_abs(),
        oldest: row.try_get(5)?,
    })
}
