use std::{
    collections::{BTreeMap, btree_map::Entry},
    str::FromStr,
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, Row as _, Sqlite as Driver, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};
use zeroize::Zeroizing;

use crate::{
    Count, Error, Form, Found, Place, Table,
    database::{Change, Database, Page, Rewritten, Row, Unparked, changed},
    row, stored_form,
    table::{Column, Kind, State, column, literal, quoted, quoted_part},
    token_scan,
};

pub(crate) struct Sqlite {
    pool: SqlitePool,
}

/// How long to wait for the one writer that SQLite allows.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const ROWS_PER_COUNT: u32 = 1000;

impl Sqlite {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        let options = SqliteConnectOptions::from_str(url)?.busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(2);
        Ok(Self {
            pool: pool.connect_with(options).await?,
        })
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

    /// SQLite has no regular expressions, so rows are read and searched here, page by page.
    async fn count(&self, tables: &[Table]) -> Result<Vec<Count>, Error> {
        let mut moment = self.pool.begin().await?;
        let mut counts = BTreeMap::new();
        for table in tables {
            let mut after: Option<String> = None;
            loop {
                let sql = page_to_count(table, after.as_deref());
                let rows = sql.query().fetch_all(&mut *moment).await?;
                let Some(last) = rows.last() else {
                    break;
                };
                after = Some(last.try_get(0)?);
                for row in &rows {
                    count_row(table, row, &mut counts)?;
                }
            }
        }
        moment.commit().await?;
        Ok(counts.into_values().collect())
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
        let rows = self.rows(table, page).await?;
        let changed = changed(&rows, change(&rows)?);
        let mut written = 0;
        if !changed.is_empty() {
            // The one writer is kept from others only while what is ready is written.
            let mut transaction = self.pool.begin_with("begin immediate").await?;
            let sql = compare_and_swap(table);
            for (row, new) in &changed {
                written += swap(&mut transaction, &sql, table, row, new).await?;
            }
            transaction.commit().await?;
        }
        let raced = changed.len() as u64 - written;
        Ok(Rewritten::of(&rows, written, raced))
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

async fn swap(
    connection: &mut SqliteConnection,
    sql: &str,
    table: &Table,
    row: &Row,
    new: &[u8],
) -> Result<u64, Error> {
    let mut update = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .bind(&row.id)
        .bind(&row.kind)
        .bind(&row.state);
    for value in [&row.stored, new] {
        update = match table.args.form {
            Form::Bytes => update.bind(value),
            Form::Text | Form::Json => update.bind(String::from_utf8_lossy(value)),
        };
    }
    Ok(update.execute(connection).await?.rows_affected())
}

/// A statement and the texts that it is given.
struct Sql {
    text: String,
    texts: Vec<String>,
}

impl Sql {
    fn select(what: &str, table: &Table) -> Self {
        Self {
            text: format!(
                "select {what} from {} as t where true",
                quoted(table.name())
            ),
            texts: Vec::new(),
        }
    }

    fn narrow(&mut self, table: &Table, page: &Page<'_>) {
        let id = column(&table.id);
        let selection = &page.selection;
        let token = selection.key_id.map(|id| format!(".{id}."));
        let texts = [
            (format!("{id} > ?"), &page.after),
            (format!("{id} = ?"), &selection.id),
            (format!("{id} <= ?"), &selection.up_to_id),
            (format!("{} = ?", kind(table)), &selection.kind),
            (format!("{} = ?", state(table)), &selection.state),
            (format!("instr({}, ?) > 0", stored(&table.args)), &token),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                self.texts.push(text.clone());
                self.and(&condition);
            }
        }
        if selection.only_parked {
            self.and(&is_parked(table));
        }
        let running = table.running_states();
        if page.skips_running && !running.is_empty() {
            let running: Vec<_> = running.iter().map(|it| literal(it)).collect();
            self.and(&format!("{} not in ({})", state(table), running.join(", ")));
        }
        if page.only_stale.is_some() {
            let marker = literal(&table.marker);
            self.and(&format!("instr({}, {marker}) > 0", stored(&table.args)));
        }
    }

    fn order(&mut self, table: &Table, limit: u32) {
        let order = format!(" order by {} limit {limit}", column(&table.id));
        self.text.push_str(&order);
    }

    fn and(&mut self, condition: &str) {
        self.text.push_str(" and ");
        self.text.push_str(condition);
    }

    fn query(&self) -> Query<'_, Driver, SqliteArguments> {
        let query = sqlx::query(AssertSqlSafe(self.text.clone()));
        self.texts.iter().fold(query, Query::bind)
    }
}

fn page_of_rows(table: &Table, page: &Page<'_>) -> Sql {
    let mut columns = vec![
        format!("cast({} as text)", column(&table.id)),
        kind(table),
        state(table),
        stored(&table.args),
    ];
    if page.with_further {
        columns.extend(table.further.iter().map(stored));
    }
    let mut sql = Sql::select(&columns.join(", "), table);
    sql.narrow(table, page);
    sql.order(table, page.limit);
    sql
}

fn page_to_count(table: &Table, after: Option<&str>) -> Sql {
    let created = table.created.as_deref();
    let mut columns = vec![
        format!("cast({} as text)", column(&table.id)),
        kind(table),
        state(table),
        is_parked(table),
        created.map_or_else(
            || "null".to_owned(),
            |it| format!("cast({} as text)", column(it)),
        ),
        stored(&table.args),
    ];
    columns.extend(table.further.iter().map(stored));
    let mut sql = Sql::select(&columns.join(", "), table);
    if let Some(after) = after {
        sql.texts.push(after.to_owned());
        sql.and(&format!("{} > ?", column(&table.id)));
    }
    sql.order(table, ROWS_PER_COUNT);
    sql
}

type Counts = BTreeMap<(String, Place, String, String, bool, Found), Count>;

fn count_row(table: &Table, row: &SqliteRow, counts: &mut Counts) -> Result<(), Error> {
    let bytes = |at: usize| row.try_get_unchecked::<Option<Vec<u8>>, _>(at);
    let stored = Zeroizing::new(bytes(5)?.unwrap_or_default());
    let mut found = vec![(Place::Args, stored_form::of(&stored, &table.marker))];
    found.extend(
        stored_form::tokens_within(&stored, &table.marker).map(|it| (Place::WithinArgs, it)),
    );
    for (at, further) in table.further.iter().enumerate() {
        let value = bytes(6 + at)?.unwrap_or_default();
        let tokens = token_scan::tokens(&value);
        found.extend(tokens.map(|it| (Place::Column(further.name.clone()), it.found())));
    }
    let (kind, state): (Option<String>, String) = (row.try_get(1)?, row.try_get(2)?);
    let kind = kind.unwrap_or_default();
    let (is_parked, created): (bool, Option<String>) = (row.try_get_unchecked(3)?, row.try_get(4)?);
    for (place, found) in found {
        let new = Count {
            table: table.name().to_owned(),
            place,
            kind: kind.clone(),
            state: state.clone(),
            is_parked,
            found,
            count: 1,
            oldest: created.clone(),
        };
        let key = (
            new.table.clone(),
            new.place.clone(),
            new.kind.clone(),
            new.state.clone(),
            is_parked,
            new.found.clone(),
        );
        match counts.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
            Entry::Occupied(mut entry) => entry.get_mut().add(&new),
        }
    }
    Ok(())
}

fn compare_and_swap(table: &Table) -> String {
    let (args, name) = (&table.args, quoted_part(&table.args.name));
    let new = match args.form {
        Form::Bytes | Form::Text => "?5".to_owned(),
        Form::Json => format!(
            "case typeof({}) when 'blob' then jsonb(?5) else ?5 end",
            column(&args.name)
        ),
    };
    format!(
        "update {} as t set {name} = {new}
         where {} = ?1 and {} = ?2 and {} = ?3 and {} = ?4",
        quoted(table.name()),
        column(&table.id),
        kind(table),
        state(table),
        stored(args),
    )
}

fn is_parked(table: &Table) -> String {
    if !table.is_river {
        return "false".to_owned();
    }
    "(t.state = 'scheduled' and json_extract(t.metadata, '$.jobcrypt.parked') is not null)"
        .to_owned()
}

fn kind(table: &Table) -> String {
    match &table.kind {
        Kind::Column(name) => format!("cast({} as text)", column(name)),
        Kind::Elsewhere {
            reference,
            table,
            id,
            name,
        } => format!(
            "(select cast(k.{} as text) from {} as k where k.{} = {})",
            quoted_part(name),
            quoted(table),
            quoted_part(id),
            column(reference)
        ),
    }
}

fn state(table: &Table) -> String {
    match &table.state {
        State::None => "''".to_owned(),
        State::Column { name, .. } => format!("cast({} as text)", column(name)),
        State::RunningWhileSet(name) => {
            format!(
                "case when {} is null then '' else 'running' end",
                column(name)
            )
        }
    }
}

/// The value as it is read, compared and handed to a hook. What is not JSON is read as it is, so that one
/// broken row stops nothing.
fn stored(place: &Column) -> String {
    let column = column(&place.name);
    match place.form {
        Form::Bytes | Form::Text => column,
        Form::Json => format!(
            "case when json_valid({column}, 9) then json({column}) else cast({column} as text) end"
        ),
    }
}
