//! What of a row is meant, as expressions of SQL over the row `t`.

use crate::{
    Form, Table,
    table::{Column, Kind, State, column, literal, quoted, quoted_part},
};

pub(crate) fn is_parked(table: &Table) -> String {
    if !table.is_river {
        return "false".to_owned();
    }
    "(t.state = 'scheduled' and json_valid(t.metadata, 9)
        and json_extract(t.metadata, '$.jobcrypt.parked') is not null)"
        .to_owned()
}

pub(crate) fn kind(table: &Table) -> String {
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

pub(crate) fn state(table: &Table) -> String {
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

/// Whether args may hold something under the marker, of which letters may be escaped.
pub(crate) fn may_hold_marker(table: &Table) -> String {
    let (args, marker) = (stored(&table.args), literal(&table.marker));
    format!(r"(instr({args}, {marker}) > 0 or instr({args}, '\u') > 0)")
}

/// The value as it is read, compared and handed to a hook. What is not JSON is read as it is, so that one
/// broken row stops nothing.
pub(crate) fn stored(place: &Column) -> String {
    let column = column(&place.name);
    match place.form {
        Form::Bytes | Form::Text => column,
        Form::Json => format!(
            "case when json_valid({column}, 9) then json({column}) else cast({column} as text) end"
        ),
    }
}
