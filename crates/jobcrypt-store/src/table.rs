use std::collections::BTreeMap;

use crate::Error;

/// A table of jobs: what its columns are called and what is in them.
///
/// [`Table::river`] knows River's. Any other is described, here apalis' and graphile_worker's:
///
/// ```
/// use jobcrypt_store::{Form, Table};
///
/// let apalis = Table::new("apalis.jobs")
///     .kind("job_type")
///     .args("job", Form::Bytes)
///     .state("status")
///     .running_state("Running")
///     .created("run_at");
/// let graphile = Table::new("graphile_worker._private_jobs")
///     .kind_in("task_id", "graphile_worker._private_tasks", "id", "identifier")
///     .args("payload", Form::Json)
///     .running_while_set("locked_at")
///     .created("created_at");
/// assert_eq!(graphile.name(), "graphile_worker._private_jobs");
/// # let _ = apalis;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Table {
    name: String,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) args: Column,
    pub(crate) state: State,
    pub(crate) created: Option<String>,
    pub(crate) further: Vec<Column>,
    /// The column with the key that an app gives to unique jobs.
    pub(crate) unique_key: Option<String>,
    pub(crate) marker: String,
    /// Whether jobs are parked in it as `jobcrypt-river` does.
    pub(crate) is_river: bool,
    /// Whether it may be missing, or lack the columns that are not needed.
    pub(crate) is_optional: bool,
    /// The columns that the database says there are, and their types.
    pub(crate) types: BTreeMap<String, String>,
}

/// How a column holds its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Form {
    /// The database's own JSON: `json` or `jsonb`, on SQLite text or a JSONB blob.
    Json,
    /// JSON as text.
    Text,
    /// JSON as bytes: `bytea`, on SQLite a blob.
    Bytes,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) form: Form,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Column(String),
    /// The row holds a reference to a table of kinds.
    Elsewhere {
        reference: String,
        table: String,
        id: String,
        name: String,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum State {
    None,
    Column { name: String, running: Vec<String> },
    RunningWhileSet(String),
}

/// What the state of a job that is worked is called where a table has no states.
pub(crate) const RUNNING: &str = "running";

impl Table {
    /// River's table of jobs, `river_job`.
    pub fn river() -> Self {
        let mut table = Self::new("river_job")
            .state("state")
            .created("created_at")
            .further("errors", Form::Json)
            .further("metadata", Form::Json);
        table.is_river = true;
        table
    }

    /// River Pro's table of dead letters, `river_job_dead_letter`. It is passed over where there is none.
    pub fn river_dead_letter() -> Self {
        let mut table = Self::river();
        "river_job_dead_letter".clone_into(&mut table.name);
        table.is_optional = true;
        table
    }

    /// A table of this name, of the form `table` or `schema.table`, with the columns `id`, `kind` and `args`
    /// unless set otherwise. Names are quoted: their case counts.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: "id".to_owned(),
            kind: Kind::Column("kind".to_owned()),
            args: Column {
                name: "args".to_owned(),
                form: Form::Json,
            },
            state: State::None,
            created: None,
            further: Vec::new(),
            unique_key: None,
            marker: "river_encrypt".to_owned(),
            is_river: false,
            is_optional: false,
            types: BTreeMap::new(),
        }
    }

    /// Puts the table into a schema.
    pub fn in_schema(mut self, schema: &str) -> Self {
        self.name = format!("{schema}.{}", self.name);
        self
    }

    /// Sets the column that tells rows apart: unique, never null, and with an index.
    pub fn id(mut self, column: impl Into<String>) -> Self {
        self.id = column.into();
        self
    }

    /// Sets the column with the kind of the job, as it was when the job was sealed.
    pub fn kind(mut self, column: impl Into<String>) -> Self {
        self.kind = Kind::Column(column.into());
        self
    }

    /// Sets where the kind stands if not in the row: in the column `name` of the row of `table` whose
    /// `id` is what the column `reference` holds.
    pub fn kind_in(
        mut self,
        reference: impl Into<String>,
        table: impl Into<String>,
        id: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        self.kind = Kind::Elsewhere {
            reference: reference.into(),
            table: table.into(),
            id: id.into(),
            name: name.into(),
        };
        self
    }

    /// Sets the column with the args.
    pub fn args(mut self, column: impl Into<String>, form: Form) -> Self {
        self.args = Column {
            name: column.into(),
            form,
        };
        self
    }

    /// Sets the column with the state. Jobs in the state `running` are left alone.
    pub fn state(mut self, column: impl Into<String>) -> Self {
        self.state = State::Column {
            name: column.into(),
            running: vec![RUNNING.to_owned()],
        };
        self
    }

    /// Names a state in which a job is worked, in the place of `running` or beside others named so. Call
    /// it behind [`state`](Self::state).
    pub fn running_state(mut self, state: impl Into<String>) -> Self {
        if let State::Column { running, .. } = &mut self.state {
            running.retain(|it| it != RUNNING);
            running.push(state.into());
        }
        self
    }

    /// Sets the column that is not null while a job is worked, where there is no state.
    pub fn running_while_set(mut self, column: impl Into<String>) -> Self {
        self.state = State::RunningWhileSet(column.into());
        self
    }

    /// Sets the column with the time when the job was made, for the oldest job of each key.
    pub fn created(mut self, column: impl Into<String>) -> Self {
        self.created = Some(column.into());
        self
    }

    /// Names one more column in which tokens may rest. They are counted; those that are outputs, errors or named
    /// [values](crate::MigrateOptions::value) of the row's kind are moved. Where PostgreSQL has another type for it than
    /// `form`, the type counts.
    pub fn further(mut self, column: impl Into<String>, form: Form) -> Self {
        self.further.push(Column {
            name: column.into(),
            form,
        });
        self
    }

    /// Sets the column with the text by which an app makes jobs unique, such as `idempotency_key` of apalis or `key` of
    /// graphile_worker, for [`Store::doctor`](crate::Store::doctor).
    pub fn unique_key(mut self, column: impl Into<String>) -> Self {
        self.unique_key = Some(column.into());
        self
    }

    /// Sets the key under which tokens stand, as
    /// [`EncryptHookBuilder::marker`](jobcrypt_core::EncryptHookBuilder::marker) does.
    pub fn marker(mut self, marker: impl Into<String>) -> Self {
        self.marker = marker.into();
        self
    }

    /// Returns the name, with its schema if one was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The states in which a job is worked.
    pub(crate) fn running_states(&self) -> Vec<String> {
        match &self.state {
            State::None => Vec::new(),
            State::Column { running, .. } => running.clone(),
            State::RunningWhileSet(_) => vec![RUNNING.to_owned()],
        }
    }

    /// The columns without which it cannot be read.
    pub(crate) fn needed_columns(&self) -> Vec<&str> {
        let mut needed = vec![&*self.id, &*self.args.name];
        needed.push(match &self.kind {
            Kind::Column(name) => name,
            Kind::Elsewhere { reference, .. } => reference,
        });
        if !self.is_optional {
            needed.extend(self.state_column());
            needed.extend(self.created.as_deref());
            needed.extend(self.unique_key.as_deref());
            needed.extend(self.further.iter().map(|column| &*column.name));
        }
        needed
    }

    /// Takes columns for what the database says they are, by `form_of` a type: in bytes that were read as text, no token
    /// would be found.
    pub(crate) fn settle_forms(
        &mut self,
        form_of: impl Fn(&str) -> Option<Form>,
    ) -> Result<(), Error> {
        for column in std::iter::once(&mut self.args).chain(&mut self.further) {
            let Some(type_name) = self.types.get(&column.name) else {
                continue;
            };
            if type_name == "bytea[]" {
                return Err(Error::Refused(
                    "a column holds lists of bytes, in which tokens cannot be counted",
                ));
            }
            column.form = form_of(type_name).unwrap_or(column.form);
        }
        Ok(())
    }

    /// Refuses a text that no id of this table can be, which a database would compare with ids nevertheless, or complain
    /// of in its own words.
    pub(crate) fn must_be_id(&self, id: &str) -> Result<(), Error> {
        let type_name = self.types.get(&self.id).map(|it| it.to_lowercase());
        let (is_id, ids) = match type_name.as_deref() {
            Some("uuid") => (is_uuid(id), "UUIDs, 32 hexadecimal digits in five groups"),
            Some(name) if name.contains("int") => {
                (id.parse::<i64>().is_ok(), "whole numbers, such as 4711")
            }
            _ => (!id.is_empty(), "texts that are not empty"),
        };
        if is_id {
            return Ok(());
        }
        let table = self.name.clone();
        Err(Error::NoId { table, ids })
    }

    /// Forgets the columns that an optional table does not have.
    pub(crate) fn keep_only_what_is_there(&mut self) {
        let types = &self.types;
        self.further
            .retain(|column| types.contains_key(&column.name));
        self.created.take_if(|name| !types.contains_key(name));
        if self
            .state_column()
            .is_some_and(|name| !types.contains_key(name))
        {
            self.state = State::None;
        }
        if self.is_optional {
            self.is_river = false;
        }
    }

    fn state_column(&self) -> Option<&str> {
        match &self.state {
            State::None => None,
            State::Column { name, .. } | State::RunningWhileSet(name) => Some(name),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').map(str::len).collect();
    let digits = text.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit());
    digits && matches!(&*groups, [8, 4, 4, 4, 12] | [32])
}

/// Quotes a name, of which each part between dots is one of its own.
pub(crate) fn quoted(name: &str) -> String {
    let parts = name.split('.').map(quoted_part);
    parts.collect::<Vec<_>>().join(".")
}

/// Quotes a name without parts, as that of a column is.
pub(crate) fn quoted_part(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names a column of the row `t`.
pub(crate) fn column(name: &str) -> String {
    format!("t.{}", quoted_part(name))
}

/// Writes a text as SQL does.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_its_quotes() {
        assert_eq!(quoted("apalis.jobs"), r#""apalis"."jobs""#);
        assert_eq!(quoted(r#"a"; drop table b"#), r#""a""; drop table b""#);
        assert_eq!(literal("it's"), "'it''s'");
    }
}
