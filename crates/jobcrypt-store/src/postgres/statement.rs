//! Statements over the rows of a page.

use sqlx::{AssertSqlSafe, Postgres as Driver, postgres::PgArguments, query::Query};

use crate::{
    Form, Table,
    database::Page,
    postgres::expression::{
        id_type, is_in_doubt, is_parked, key_id, kind, may_hold_marker, state, stored, text,
    },
    table::{Column, column, literal, quoted, quoted_part},
};

/// A statement and the texts that it is given.
pub(crate) struct Sql {
    pub(crate) text: String,
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
                format!(
                    "({} = ${{}} or ({} and position('.' || ${{}} || '.' in {}) > 0))",
                    key_id(table),
                    is_in_doubt(table),
                    text(&table.args),
                ),
                &selection.key_id.map(|id| id.to_string()),
            ),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                self.texts.push(text.clone());
                self.and(&condition.replace("${}", &format!("${}::text", self.texts.len())));
            }
        }
        if selection.only_parked {
            self.and(&is_parked(table));
        }
        if page.skips_running && !running.is_empty() {
            let running: Vec<_> = running.iter().map(|it| literal(it)).collect();
            self.and(&format!(
                "coalesce({}, '') not in ({})",
                state(table),
                running.join(", ")
            ));
        }
        if page.only_with_tokens {
            let places = std::iter::once(&table.args).chain(&table.further);
            let holds =
                places.map(|place| format!("coalesce({} like '%jc1%', false)", text(place)));
            let marked = std::iter::once(may_hold_marker(table));
            let any: Vec<_> = marked.chain(holds).collect();
            self.and(&format!("({})", any.join(" or ")));
        }
        if let Some(targets) = page.only_stale {
            let at = self.texts.len();
            self.lists.push(targets.keys().cloned().collect());
            self.lists
                .push(targets.values().map(ToString::to_string).collect());
            self.and(&may_hold_marker(table));
            self.and(&format!(
                "({} is distinct from (${}::text[])[array_position(${}::text[], {})] or {})",
                key_id(table),
                at + 2,
                at + 1,
                kind(table),
                is_in_doubt(table),
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

    pub(crate) fn query(&self) -> Query<'_, Driver, PgArguments> {
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

pub(crate) fn page_of_rows(table: &Table, page: &Page<'_>) -> Sql {
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

/// Writes a column of those rows that are what they were.
pub(crate) fn compare_and_swap(table: &Table, place: &Column) -> String {
    let name = quoted_part(&place.name);
    let text = |value: &str| format!("convert_from({value}, 'UTF8')");
    let (old, new) = match place.form {
        Form::Bytes => ("v.old".to_owned(), "v.new".to_owned()),
        Form::Text | Form::Json => (text("v.old"), text("v.new")),
    };
    // A text that is longer than its column is an error where it is assigned, and is cut where it is cast.
    let new = match place.form {
        Form::Bytes | Form::Text => new,
        Form::Json => format!("({new})::{}", table.types[&place.name]),
    };
    format!(
        "update {} as t set {name} = {new}
         from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
            as v(id, kind, state, old, new)
         where {} = v.id::{} and coalesce({}, '') = v.kind and coalesce({}, '') = v.state and {} = {old}",
        quoted(table.name()),
        column(&table.id),
        id_type(table),
        kind(table),
        state(table),
        stored(place),
    )
}
