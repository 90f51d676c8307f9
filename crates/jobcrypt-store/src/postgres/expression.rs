//! What of a row is meant, as expressions of SQL over the row `t`.

use crate::{
    Form, Table,
    table::{Column, Kind, State, column, literal, quoted, quoted_part},
};

pub(crate) fn kind(table: &Table) -> String {
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

pub(crate) fn state(table: &Table) -> String {
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

/// The beginning of the text under the marker, null where there is none.
pub(crate) fn token(table: &Table) -> String {
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

pub(crate) fn key_id(table: &Table) -> String {
    format!("split_part({}, '.', 3)", token(table))
}

pub(crate) fn is_parked(table: &Table) -> String {
    if !table.is_river {
        return "false".to_owned();
    }
    "(t.state = 'scheduled' and coalesce(t.metadata->'jobcrypt' ? 'parked', false))".to_owned()
}

/// The value as it is read, compared and handed to a hook.
pub(crate) fn stored(place: &Column) -> String {
    match place.form {
        Form::Bytes => column(&place.name),
        Form::Text | Form::Json => format!("{}::text", column(&place.name)),
    }
}

/// The value as text in which tokens can be searched; bytes need not be UTF-8.
pub(crate) fn text(place: &Column) -> String {
    match place.form {
        Form::Bytes => format!("encode({}, 'escape')", column(&place.name)),
        Form::Text | Form::Json => format!("{}::text", column(&place.name)),
    }
}

pub(crate) fn json(table: &Table, place: &Column) -> String {
    let column = column(&place.name);
    let is_jsonb = table.types.get(&place.name).is_some_and(|it| it == "jsonb");
    if is_jsonb {
        column
    } else {
        format!("{column}::jsonb")
    }
}

pub(crate) fn id_type(table: &Table) -> &str {
    &table.types[&table.id]
}
