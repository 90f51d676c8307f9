use std::env;

use clap::{Args, ValueEnum};
use jobcrypt::store::{Error, Form, Selection, Status, Store, Table};

use crate::{
    exit::Exit, failure::Failure, hook_arguments::HookArguments, jobs::text_table::shown,
    variable_name,
};

/// Where the jobs are.
#[derive(Args)]
#[command(next_help_heading = "Where the jobs are")]
pub(crate) struct StoreArguments {
    /// The environment variable that holds the URL of the database, postgres://... or sqlite://...
    /// [default: DATABASE_URL]
    #[arg(long, value_name = "VARIABLE")]
    database_from: Option<String>,

    /// The schema of River's tables
    #[arg(long, value_name = "SCHEMA", conflicts_with = "table")]
    schema: Option<String>,

    /// A table that is not River's, `table` or `schema.table`
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Its column that tells jobs apart
    #[arg(long, value_name = "COLUMN", default_value = "id", requires = "table")]
    id_column: String,

    /// Its column with the kind
    #[arg(
        long,
        value_name = "COLUMN",
        default_value = "kind",
        requires = "table"
    )]
    kind_column: String,

    /// Where the kind stands if in another table: the column that refers to it, that table, its id column,
    /// its column with the kind
    #[arg(
        long,
        value_name = "COLUMN,TABLE,ID,KIND",
        value_delimiter = ',',
        requires = "table",
        conflicts_with = "kind_column"
    )]
    kind_from: Vec<String>,

    /// Its column with the args
    #[arg(
        long,
        value_name = "COLUMN",
        default_value = "args",
        requires = "table"
    )]
    args_column: String,

    /// How that column holds JSON
    #[arg(long, value_enum, default_value_t = FormName::Json, requires = "table")]
    args_form: FormName,

    /// Its column with the state
    #[arg(long, value_name = "COLUMN", requires = "table")]
    state_column: Option<String>,

    /// The state of a job that is being worked
    #[arg(long, value_name = "STATE", requires = "state_column")]
    running_state: Vec<String>,

    /// Its column that is set while a job is being worked
    #[arg(
        long,
        value_name = "COLUMN",
        requires = "table",
        conflicts_with = "state_column"
    )]
    locked_column: Option<String>,

    /// Its column with the time when a job was made
    #[arg(long, value_name = "COLUMN", requires = "table")]
    created_column: Option<String>,

    /// One more column in which tokens may rest: text, JSON or bytes
    #[arg(long, value_name = "COLUMN", requires = "table")]
    further_column: Vec<String>,

    /// Its column with the text by which an app makes jobs unique, which doctor looks into
    #[arg(long, value_name = "COLUMN", requires = "table")]
    unique_key_column: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormName {
    /// The database's own JSON
    Json,
    /// JSON as text
    Text,
    /// JSON as bytes
    Bytes,
}

/// Which jobs are meant.
#[derive(Args)]
pub(crate) struct SelectionArguments {
    /// The job of this id
    #[arg(long)]
    id: Option<String>,

    /// Jobs of this kind
    #[arg(long)]
    kind: Option<String>,

    /// Jobs in this state
    #[arg(long)]
    state: Option<String>,

    /// Jobs under the key of this id
    #[arg(long, allow_hyphen_values = true)]
    key: Option<jobcrypt::KeyId>,
}

impl StoreArguments {
    /// Connects to it.
    pub(crate) async fn store(&self) -> Result<Store, Failure> {
        self.connect(self.tables()?).await
    }

    /// Connects to it, where tokens stand under the marker of a hook.
    pub(crate) async fn store_of(&self, hook: &HookArguments) -> Result<Store, Failure> {
        hook.check()?;
        self.store_under(hook.marker()).await
    }

    /// Connects to it, where tokens stand under this marker.
    pub(crate) async fn store_under(&self, marker: &str) -> Result<Store, Failure> {
        let tables = self.tables()?.into_iter();
        let tables = tables.map(|table| table.marker(marker)).collect();
        self.connect(tables).await
    }

    /// Whether a database, a schema or a table is named.
    pub(crate) fn is_named(&self) -> bool {
        self.database_from.is_some() || self.schema.is_some() || self.table.is_some()
    }

    async fn connect(&self, tables: Vec<Table>) -> Result<Store, Failure> {
        let variable = self.database_from.as_deref().unwrap_or("DATABASE_URL");
        variable_name::check("--database-from", variable, Exit::Database)?;
        let url = env::var(variable).map_err(|_| {
            Failure::new(
                Exit::Database,
                format!("the variable {variable} is not set"),
            )
            .next_step("set it to the URL of the database, or name another with --database-from")
        })?;
        Store::connect(&url, tables).await.map_err(|error| {
            let is_of_url = matches!(
                error,
                Error::Database(_) | Error::NoFile(_) | Error::Unreachable(_) | Error::Url
            );
            let failure = failure(error);
            match (is_of_url, has_odd_password(&url)) {
                (true, true) => failure.about(variable).next_step(
                    "in the password of a URL, write @ as %40, / as %2F, # as %23, ? as %3F and % as %25",
                ),
                (true, false) => failure.about(variable),
                (false, _) => failure,
            }
        })
    }

    fn tables(&self) -> Result<Vec<Table>, Failure> {
        let Some(name) = &self.table else {
            let tables = [Table::river(), Table::river_dead_letter()];
            let in_schema = |table: Table| match &self.schema {
                Some(schema) => table.in_schema(schema),
                None => table,
            };
            return Ok(tables.into_iter().map(in_schema).collect());
        };
        // Described as any other, it would have no running jobs, no errors and no metadata.
        if matches!(
            name.rsplit('.').next(),
            Some("river_job" | "river_job_dead_letter")
        ) {
            let failure = Failure::new(Exit::Refused, "that is River's own table");
            return Err(failure.next_step("leave --table out; --schema names its schema"));
        }
        let form = match self.args_form {
            FormName::Json => Form::Json,
            FormName::Text => Form::Text,
            FormName::Bytes => Form::Bytes,
        };
        let mut table = Table::new(name)
            .id(&self.id_column)
            .kind(&self.kind_column)
            .args(&self.args_column, form);
        match &*self.kind_from {
            [] => {}
            [reference, kinds, id, kind] => table = table.kind_in(reference, kinds, id, kind),
            _ => return Err(incomplete("--kind-from has four parts between commas")),
        }
        if let Some(column) = &self.state_column {
            table = table.state(column);
        }
        for state in &self.running_state {
            table = table.running_state(state);
        }
        if let Some(column) = &self.locked_column {
            table = table.running_while_set(column);
        }
        if let Some(column) = &self.created_column {
            table = table.created(column);
        }
        for column in &self.further_column {
            table = table.further(column, Form::Text);
        }
        if let Some(column) = &self.unique_key_column {
            table = table.unique_key(column);
        }
        Ok(vec![table])
    }
}

impl SelectionArguments {
    pub(crate) fn selection(&self) -> Selection {
        let mut selection = match &self.id {
            Some(id) => Selection::job(id),
            None => Selection::all(),
        };
        if let Some(kind) = &self.kind {
            selection = selection.kind(kind);
        }
        if let Some(state) = &self.state {
            selection = selection.state(state);
        }
        if let Some(key) = self.key {
            selection = selection.key_id(key);
        }
        selection
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Where nothing was found, looks whether that is because no job is of the kind that was asked for.
    pub(crate) async fn look_for_kind(&self, store: &Store) -> Result<(), Failure> {
        if self.kind.is_some() {
            let counted = store.status().await.map_err(failure)?;
            warn_of_kind(self.kind.as_deref(), &counted);
        }
        Ok(())
    }
}

/// Says so where no job is of this kind: a kind is easily misspelled.
pub(crate) fn warn_of_kind(kind: Option<&str>, counted: &Status) {
    if let Some(kind) = kind
        && counted.counts().iter().all(|it| it.kind != kind)
    {
        let kind = shown(kind);
        eprintln!("no job is of the kind {kind}; `jobcrypt jobs status` lists the kinds");
    }
}

/// Whether the password in a URL seems to hold what has a meaning of its own there.
fn has_odd_password(url: &str) -> bool {
    let Some((_, rest)) = url
        .split_once("://")
        .filter(|(scheme, _)| scheme.starts_with("postgres"))
    else {
        return false;
    };
    let (before, behind) = rest.split_once(['/', '#', '?']).unwrap_or((rest, ""));
    before.matches('@').count() > 1 || !before.contains('@') && behind.contains('@')
}

fn incomplete(message: &str) -> Failure {
    Failure::new(Exit::Refused, message)
}

pub(crate) fn failure(error: Error) -> Failure {
    let exit = match &error {
        Error::AnotherMarker { .. } | Error::NothingOpens { .. } | Error::Refused(_) => {
            Exit::Refused
        }
        Error::Hook(_) => Exit::Keys,
        Error::NoId { .. } => Exit::Usage,
        Error::StillWritten(_) => Exit::Locked,
        Error::Connection(_)
        | Error::Database(_)
        | Error::MayNotLock(_)
        | Error::NoColumn { .. }
        | Error::NoFile(_)
        | Error::NoTable(_)
        | Error::OtherCase { .. }
        | Error::Unreachable(_)
        | Error::Url => Exit::Database,
        _ => Exit::Failed,
    };
    let text = error.to_string();
    let failure = Failure::new(exit, text);
    match error {
        Error::Audit(source) => failure.because(source),
        Error::NoTable(_) => {
            failure.next_step("--schema names the schema of River's tables, --table another table")
        }
        _ => failure,
    }
}
