//! Statements over the rows of a page.

use sqlx::{AssertSqlSafe, Sqlite as Driver, query::Query, sqlite::SqliteArguments};

use crate::{
    Error, Form, Table,
    database::Page,
    sqlite::expression::{is_parked, kind, may_hold_marker, state, stored},
    table::{Column, column, literal, quoted, quoted_part},
};

/// A statement and the texts that it is given.
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) texts: Vec<String>,
}

impl Sql {
    pub(crate) fn select(what: &str, table: &Table) -> Self {
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
            self.and(&format!(
                "coalesce({}, '') not in ({})",
                state(table),
                running.join(", ")
            ));
        }
        if page.only_with_tokens {
            let places = std::iter::once(&table.args).chain(&table.further);
            let holds =
                places.map(|place| format!("coalesce(instr({}, 'jc1') > 0, false)", stored(place)));
            let any: Vec<_> = std::iter::once(may_hold_marker(table))
                .chain(holds)
                .collect();
            self.and(&format!("({})", any.join(" or ")));
        }
        if page.only_stale.is_some() {
            self.and(&may_hold_marker(table));
        }
    }

    pub(crate) fn order(&mut self, table: &Table, limit: u32) {
        let order = format!(" order by {} limit {limit}", column(&table.id));
        self.text.push_str(&order);
    }

    pub(crate) fn and(&mut self, condition: &str) {
        self.text.push_str(" and ");
        self.text.push_str(condition);
    }

    pub(crate) fn query(&self) -> Query<'_, Driver, SqliteArguments> {
        let query = sqlx::query(AssertSqlSafe(self.text.clone()));
        self.texts.iter().fold(query, Query::bind)
    }
}

/// # Errors
///
/// [`Error::Refused`] for ids that SQLite does not order as the text that it is given.
pub(crate) fn page_of_rows(table: &Table, page: &Page<'_>) -> Result<Sql, Error> {
    let id_type = table.types[&table.id].to_uppercase();
    if !["INT", "CHAR", "CLOB", "TEXT"]
        .iter()
        .any(|it| id_type.contains(it))
    {
        return Err(Error::Refused(
            "the column of ids must be of the type INTEGER or TEXT, so that pages of it can be read",
        ));
    }
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
    Ok(sql)
}

/// Writes a column of a row that is what it was.
pub(crate) fn compare_and_swap(table: &Table, place: &Column) -> String {
    let name = quoted_part(&place.name);
    let new = match place.form {
        Form::Bytes | Form::Text => "?5".to_owned(),
        Form::Json => format!(
            "case when json_valid({0}, 8) then jsonb(?5) when typeof({0}) = 'blob' then cast(?5 as blob) else ?5 end",
            column(&place.name)
        ),
    };
    format!(
        "update {} as t set {name} = {new}
         where {} = ?1 and coalesce({}, '') = ?2 and coalesce({}, '') = ?3 and {} = ?4",
        quoted(table.name()),
        column(&table.id),
        kind(table),
        state(table),
        stored(place),
    )
}
