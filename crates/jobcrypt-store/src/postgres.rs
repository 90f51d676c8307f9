use std::{
    borrow::Cow,
    collections::BTreeMap,
    str::FromStr,
    time::{Duration, Instant},
};

use crate::{
    Count, Error, Form, Found, Place, Table,
    counts::Counts,
    database::{Change, Database, Page, Rewritten, Row, Unparked, changed},
    postgres::{
        counting::{DOUBT, LEGACY, count_elsewhere, count_of_args, rows_in_doubt},
        expression::id_type,
        statement::{compare_and_swap, page_of_rows},
    },
    row,
    table::quoted,
    token_scan,
};
use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgPool, Row as _, Transaction,
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

/// All of a count sees the same moment, which begins with the first row that is read.
const ONE_MOMENT: &str = "begin isolation level repeatable read read only";

/// How long others wait behind the lock that a count waits for, before it steps aside and asks again. Longer than a
/// vacuum takes to make way, by `deadlock_timeout`.
const LOCK_SLICE: Duration = Duration::from_secs(2);

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

    /// Begins a moment in which no transaction has written to the tables and not ended. Until it is over, writers wait.
    async fn between_writes(
        &self,
        tables: &[Table],
        patience: Duration,
    ) -> Result<Transaction<'static, sqlx::Postgres>, Error> {
        let since = Instant::now();
        loop {
            let left = patience.saturating_sub(since.elapsed());
            let wait = left.clamp(Duration::from_millis(1), LOCK_SLICE).as_millis();
            let begin = format!("{ONE_MOMENT}; set local lock_timeout = {wait}");
            let mut moment = self.pool.begin_with(AssertSqlSafe(begin)).await?;
            let mut held = None;
            for table in tables {
                let name = quoted(table.name());
                // In its own words, not as a prepared statement: that would set the moment before the lock is there.
                let lock = format!("lock table {name} in share mode");
                let locked = sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *moment);
                if let Err(error) = locked.await {
                    held = Some((table, error));
                    break;
                }
            }
            let Some((table, error)) = held else {
                return Ok(moment);
            };
            match code(&error).as_deref() {
                Some("42501") => return Err(Error::MayNotLock(table.name().to_owned())),
                // Others held it for too long, or waited for each other and for this.
                Some("55P03" | "40P01") if since.elapsed() < patience => {}
                Some("55P03" | "40P01") => {
                    return Err(Error::StillWritten(table.name().to_owned()));
                }
                _ => return Err(error.into()),
            }
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    let refusal = error.as_database_error()?;
    refusal.code().map(Cow::into_owned)
}

/// What the database says of a value that its column cannot hold, such as JSON with `\u0000` in a `jsonb`.
fn unstorable(error: sqlx::Error) -> Error {
    match code(&error).as_deref() {
        Some("22P02" | "22P05" | "22003" | "54001") => match Error::from(error) {
            Error::Database(text) => Error::Unstorable(text),
            other => other,
        },
        _ => error.into(),
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

    async fn other_case(&self, table: &str) -> Result<Option<String>, Error> {
        let there = sqlx::query_scalar(
            "select case when pg_table_is_visible(c.oid) then '' else n.nspname || '.' end || c.relname
             from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
             where lower(c.relname) = lower($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
             order by not pg_table_is_visible(c.oid), 1 limit 1",
        );
        let name = table.rsplit('.').next().unwrap_or(table);
        Ok(there.bind(name).fetch_optional(&self.pool).await?)
    }

    fn form_of(&self, type_name: &str) -> Option<Form> {
        match type_name {
            "bytea" => Some(Form::Bytes),
            "json" | "jsonb" => Some(Form::Json),
            "text" | "character" | "character varying" => Some(Form::Text),
            _ => None,
        }
    }

    async fn is_replica(&self) -> Result<bool, Error> {
        let is_replica = sqlx::query_scalar("select pg_is_in_recovery()");
        Ok(is_replica.fetch_one(&self.pool).await?)
    }

    async fn count(
        &self,
        tables: &[Table],
        patience: Option<Duration>,
    ) -> Result<Vec<Count>, Error> {
        let mut moment = match patience {
            Some(patience) => self.between_writes(tables, patience).await?,
            None => self.pool.begin_with(ONE_MOMENT).await?,
        };
        sqlx::query(ONE_PASS).execute(&mut *moment).await?;
        let mut counts = Counts::default();
        for table in tables {
            let whole = count_of_args(table);
            let rows = sqlx::query(AssertSqlSafe(whole))
                .fetch_all(&mut *moment)
                .await?;
            let (mut is_elsewhere, mut is_in_doubt) = (false, false);
            for row in rows {
                is_elsewhere |= row.try_get::<bool, _>(6)?;
                if row.try_get::<Option<&str>, _>(3)? == Some(DOUBT) {
                    is_in_doubt = true;
                } else {
                    counts.add(counted(table, &row, Place::Args)?);
                }
            }
            if is_in_doubt {
                let doubtful = AssertSqlSafe(rows_in_doubt(table));
                let mut rows = sqlx::query(doubtful).fetch(&mut *moment);
                while let Some(row) = rows.try_next().await? {
                    counts.add_row(table, &row::read_to_count(&row)?);
                }
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
                    counts.add(count);
                }
            }
        }
        moment.commit().await?;
        Ok(counts.into_vec())
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
                .await
                .map_err(unstorable)?
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
