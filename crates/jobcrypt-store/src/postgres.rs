use std::{collections::BTreeMap, str::FromStr, time::Duration};

use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, PgPool, Postgres as Driver, Row as _,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::Query,
};
use zeroize::Zeroizing;

use crate::{
    Count, Error, Form, Found, Place, Table,
    database::{Change, Database, Page, Rewritten, Row, Unparked},
    table::{Column, Kind, State, literal, quoted, quoted_part},
    token_scan,
};

pub(crate) struct Postgres {
    pool: PgPool,
}

/// How tokens begin, in the words of PostgreSQL; [`token_scan`] finds the same.
const HEAD: &str = r"(jc1f?\.[a-z0-9+-]+\.[A-Za-z0-9_-]{22})\.";

/// Long enough for a server that restarts.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The planner cannot know that keys are few: it would sort the whole table on disk, args and all. And one
/// pass is over before it is compiled.
const ONE_PASS: &str = "select set_config(name, 'off', true) from pg_settings
    where name in ('enable_sort', 'enable_incremental_sort', 'jit')";

impl Postgres {
    pub(crate) async fn connect(url: &str) -> Result<Self, Error> {
        // By this name an operator finds it among the connections of the server.
        let server = PgConnectOptions::from_str(url)?.application_name("jobcrypt");
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
            "select attname::text, format_type(atttypid, atttypmod) from pg_attribute
             where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
        )
        .bind(quoted(table))
        .fetch_all(&self.pool)
        .await?;
        let column = |row: &PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(column).collect()
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
        rows.iter().map(row).collect()
    }

    async fn rewrite(
        &self,
        table: &Table,
        page: &Page<'_>,
        change: &mut Change<'_>,
    ) -> Result<Rewritten, Error> {
        let mut transaction = self.pool.begin().await?;
        let mut sql = page_of_rows(table, page);
        // Workers and other processes pass over the page, and none waits for it.
        sql.text.push_str(" for update of t skip locked");
        let rows = sql.query().fetch_all(&mut *transaction).await?;
        let rows: Vec<Row> = rows.iter().map(row).collect::<Result<_, _>>()?;
        let mut changed = Vec::new();
        for row in &rows {
            if let Some(new) = change(row)? {
                changed.push((row, new));
            }
        }
        let written = if changed.is_empty() {
            0
        } else {
            let column = |part: fn(&Row) -> &str| changed.iter().map(|it| part(it.0)).collect();
            let ids: Vec<&str> = column(|row| &row.id);
            let kinds: Vec<&str> = column(|row| &row.kind);
            let states: Vec<&str> = column(|row| &row.state);
            let old: Vec<&[u8]> = changed.iter().map(|it| &**it.0.stored).collect();
            let new: Vec<&[u8]> = changed.iter().map(|it| &**it.1).collect();
            sqlx::query(AssertSqlSafe(compare_and_swap(table)))
                .bind(ids)
                .bind(kinds)
                .bind(states)
                .bind(old)
                .bind(new)
                .execute(&mut *transaction)
                .await?
                .rows_affected()
        };
        transaction.commit().await?;
        Ok(Rewritten {
            last: rows.last().map(|row| row.id.clone()),
            rows: rows.len() as u64,
            written,
            raced: changed.len() as u64 - written,
            longest: rows.iter().map(|row| row.stored.len()).max().unwrap_or(0),
        })
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
        let row = Sql { text, ..sql }.query().fetch_one(&self.pool).await?;
        Ok(Unparked {
            last: row.try_get(0)?,
            written: row.try_get::<i64, _>(1)?.unsigned_abs(),
        })
    }
}

/// A statement and the texts that it is given.
struct Sql {
    text: String,
    texts: Vec<String>,
    lists: Vec<Vec<String>>,
}

impl Sql {
    fn select(what: &str, table: &Table) -> Self {
        Self {
            text: format!(
                "select {what} from {} as t where true",
                quoted(table.name())
            ),
            texts: Vec::new(),
            lists: Vec::new(),
        }
    }

    /// Adds the conditions of a page. Lists come last, so that texts keep their numbers.
    fn narrow(&mut self, table: &Table, page: &Page<'_>) {
        let (id, id_type) = (column(&table.id), id_type(table));
        let selection = &page.selection;
        let running = table.running_states();
        let texts = [
            (format!("{id} > ${{}}::{id_type}"), &page.after),
            (format!("{id} = ${{}}::{id_type}"), &selection.id),
            (format!("{id} <= ${{}}::{id_type}"), &selection.up_to_id),
            (format!("{} = ${{}}", kind(table)), &selection.kind),
            (format!("{} = ${{}}", state(table)), &selection.state),
            (
                format!("{} = ${{}}", key_id(table)),
                &selection.key_id.map(|id| id.to_string()),
            ),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                self.texts.push(text.clone());
                self.and(&condition.replace("{}", &format!("{}::text", self.texts.len())));
            }
        }
        if selection.only_parked {
            self.and(&is_parked(table));
        }
        if page.skips_running && !running.is_empty() {
            let running: Vec<_> = running.iter().map(|it| literal(it)).collect();
            self.and(&format!("{} not in ({})", state(table), running.join(", ")));
        }
        if let Some(targets) = page.only_stale {
            let at = self.texts.len();
            self.lists.push(targets.keys().cloned().collect());
            self.lists
                .push(targets.values().map(ToString::to_string).collect());
            self.and(&format!("{} is not null", token(table)));
            self.and(&format!(
                "{} is distinct from (${}::text[])[array_position(${}::text[], {})]",
                key_id(table),
                at + 2,
                at + 1,
                kind(table),
            ));
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

    fn query(&self) -> Query<'_, Driver, PgArguments> {
        let mut query = sqlx::query(AssertSqlSafe(self.text.clone()));
        for text in &self.texts {
            query = query.bind(text);
        }
        for list in &self.lists {
            query = query.bind(list);
        }
        query
    }
}

fn page_of_rows(table: &Table, page: &Page<'_>) -> Sql {
    let mut columns = vec![
        format!("{}::text as id", column(&table.id)),
        format!("{} as kind", kind(table)),
        format!("{} as state", state(table)),
        format!("{} as stored", stored(&table.args)),
    ];
    if page.with_further {
        columns.extend(table.further.iter().map(stored));
    }
    let mut sql = Sql::select(&columns.join(", "), table);
    sql.narrow(table, page);
    sql.order(table, page.limit);
    sql
}

fn compare_and_swap(table: &Table) -> String {
    let (args, name) = (&table.args, quoted_part(&table.args.name));
    let text = |value: &str| format!("convert_from({value}, 'UTF8')");
    let (old, new) = match args.form {
        Form::Bytes => ("v.old".to_owned(), "v.new".to_owned()),
        Form::Text | Form::Json => (text("v.old"), text("v.new")),
    };
    let args_type = &table.types[&args.name];
    format!(
        "update {} as t set {name} = ({new})::{args_type}
         from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
            as v(id, kind, state, old, new)
         where {} = v.id::{} and {} = v.kind and {} = v.state and {} = {old}",
        quoted(table.name()),
        column(&table.id),
        id_type(table),
        kind(table),
        state(table),
        stored(args),
    )
}

/// One pass over the table: what the args are as a whole, and whether tokens rest elsewhere in the row.
fn count_of_args(table: &Table) -> String {
    format!(
        "select {kind}, {state}, {parked}, {head}, count(*), {oldest}, bool_or({elsewhere})
         from {name} as t group by 1, 2, 3, 4",
        kind = kind(table),
        state = state(table),
        parked = is_parked(table),
        head = head(table),
        oldest = oldest(table),
        elsewhere = is_elsewhere(table),
        name = quoted(table.name()),
    )
}

/// The rows of the first pass that hold tokens elsewhere, token by token.
fn count_elsewhere(table: &Table) -> String {
    let args = &table.args;
    let siblings = match args.form {
        Form::Json => format!("({} - {})::text", json(table, args), literal(&table.marker)),
        // The one under the marker comes first.
        Form::Bytes | Form::Text => {
            let text = text(args);
            format!("substr({text}, position('jc1' in {text}) + 3)")
        }
    };
    let within = format!(
        "case when {} is null then {} else {siblings} end",
        token(table),
        text(args)
    );
    let places = std::iter::once(within).chain(table.further.iter().map(text));
    let found: Vec<_> = places
        .enumerate()
        .map(|(at, text)| {
            format!(
                "select {at} as place, m[1] as head from regexp_matches({text}, '{HEAD}', 'g') m"
            )
        })
        .collect();
    format!(
        "select {kind}, {state}, {parked}, found.head, count(*), {oldest}, found.place
         from {name} as t cross join lateral ({found}) as found
         where {elsewhere} group by 1, 2, 3, 4, found.place",
        kind = kind(table),
        state = state(table),
        parked = is_parked(table),
        oldest = oldest(table),
        name = quoted(table.name()),
        found = found.join(" union all "),
        elsewhere = is_elsewhere(table),
    )
}

fn counted(table: &Table, row: &PgRow, place: Place) -> Result<Count, Error> {
    let head: Option<String> = row.try_get(3)?;
    Ok(Count {
        table: table.name().to_owned(),
        place,
        kind: row.try_get(0)?,
        state: row.try_get(1)?,
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

const LEGACY: &str = "legacy";

/// How a token begins, up to its body. Without a regular expression: those cost sixty times as much as
/// the rest of the scan.
fn head(table: &Table) -> String {
    let token = token(table);
    format!(
        "case when starts_with({token}, 'jc1')
            then left({token}, 28 + position('.' in substr({token}, 6, 70)))
         when {token} is null then case when {is_legacy_string} then '{LEGACY}' end
         when {token} ~ '^[A-Za-z0-9+/]+=*$' then '{LEGACY}'
         else '' end",
        is_legacy_string = is_legacy_string(&table.args, table),
    )
}

/// Whether the args are a string of base64 and nothing else, long enough to be a ciphertext.
fn is_legacy_string(args: &Column, table: &Table) -> String {
    let base64 = "'^\\s*\"[A-Za-z0-9+/_-]{50}'";
    match args.form {
        Form::Json => format!(
            "jsonb_typeof({}) = 'string' and {} ~ {base64}",
            json(table, args),
            text(args)
        ),
        Form::Bytes | Form::Text => format!("{} ~ {base64}", text(args)),
    }
}

/// The beginning of the text under the marker, null where there is none.
fn token(table: &Table) -> String {
    let (args, marker) = (&table.args, &table.marker);
    match args.form {
        Form::Json => format!("({}->>{})", column(&args.name), literal(marker)),
        Form::Bytes | Form::Text => format!(
            "substring(left({}, 256) from {})",
            text(args),
            literal(&format!(r#"^\s*\{{\s*"{marker}"\s*:\s*"([^"\\]*)"#)),
        ),
    }
}

fn key_id(table: &Table) -> String {
    format!("split_part(left({}, 128), '.', 3)", token(table))
}

fn is_elsewhere(table: &Table) -> String {
    let args = &table.args;
    let beside_token = match args.form {
        Form::Json => format!(
            "({} - {}) <> '{{}}'",
            json(table, args),
            literal(&table.marker)
        ),
        Form::Bytes | Form::Text => format!("{} like '%jc1%jc1%'", text(args)),
    };
    let mut places = vec![format!(
        "case when {} is null then {} like '%jc1%' else {beside_token} end",
        token(table),
        text(args),
    )];
    for further in &table.further {
        places.push(format!("coalesce({} like '%jc1%', false)", text(further)));
    }
    format!("({})", places.join(" or "))
}

fn is_parked(table: &Table) -> String {
    if !table.is_river {
        return "false".to_owned();
    }
    "(t.state = 'scheduled' and coalesce(t.metadata->'jobcrypt' ? 'parked', false))".to_owned()
}

fn oldest(table: &Table) -> String {
    let created = table.created.as_deref();
    created.map_or_else(
        || "null::text".to_owned(),
        |it| format!("min({})::text", column(it)),
    )
}

fn kind(table: &Table) -> String {
    match &table.kind {
        Kind::Column(name) => format!("{}::text", column(name)),
        Kind::Elsewhere {
            reference,
            table,
            id,
            name,
        } => format!(
            "(select k.{}::text from {} as k where k.{} = {})",
            quoted_part(name),
            quoted(table),
            quoted_part(id),
            column(reference)
        ),
    }
}

fn state(table: &Table) -> String {
    match &table.state {
        State::None => "''::text".to_owned(),
        State::Column { name, .. } => format!("{}::text", column(name)),
        State::RunningWhileSet(name) => {
            format!(
                "case when {} is null then '' else 'running' end",
                column(name)
            )
        }
    }
}

/// The value as it is read, compared and handed to a hook.
fn stored(place: &Column) -> String {
    match place.form {
        Form::Bytes => column(&place.name),
        Form::Text | Form::Json => format!("{}::text", column(&place.name)),
    }
}

/// The value as text in which tokens can be searched; bytes need not be UTF-8.
fn text(place: &Column) -> String {
    match place.form {
        Form::Bytes => format!("encode({}, 'escape')", column(&place.name)),
        Form::Text | Form::Json => format!("{}::text", column(&place.name)),
    }
}

fn json(table: &Table, place: &Column) -> String {
    let column = column(&place.name);
    let is_jsonb = table.types.get(&place.name).is_some_and(|it| it == "jsonb");
    if is_jsonb {
        column
    } else {
        format!("{column}::jsonb")
    }
}

fn column(name: &str) -> String {
    format!("t.{}", quoted_part(name))
}

fn id_type(table: &Table) -> &str {
    &table.types[&table.id]
}

fn row(row: &PgRow) -> Result<Row, Error> {
    // Binary results of text and bytes are the same: what is stored.
    let bytes = |at| row.try_get_unchecked::<Option<Vec<u8>>, _>(at);
    Ok(Row {
        id: row.try_get(0)?,
        kind: row.try_get::<Option<_>, _>(1)?.unwrap_or_default(),
        state: row.try_get(2)?,
        stored: Zeroizing::new(bytes(3)?.unwrap_or_default()),
        further: (4..row.len())
            .map(|at| Ok(bytes(at)?.unwrap_or_default()))
            .collect::<Result<_, Error>>()?,
    })
}
