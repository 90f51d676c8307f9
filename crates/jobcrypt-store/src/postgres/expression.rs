//! What of a row is meant, as expressions of SQL over the row `t`.

use crate::{
    Form, Table,
    table::{Column, Kind, State, column, literal, quoted, quoted_part},
};

/// Escapes of JSON that may hide a letter of a token or of the marker, and those that PostgreSQL cannot resolve: it refuses
/// the whole value for them.
const ESCAPES: &str = r"'\\u(0000|[dD][89a-fA-F]|00(2[bBdDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA]))'";

/// More of a text than any head of a token takes.
const BEGINNING: usize = 256;

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

/// The beginning of the text under the marker, null where there is none or where it [cannot be told](is_in_doubt).
pub(crate) fn token(table: &Table) -> String {
    let (args, marker) = (&table.args, &table.marker);
    match args.form {
        Form::Json => of_json(table, |args| format!("{args}->>{}", literal(marker))),
        Form::Bytes | Form::Text => format!(
            r"substring(left(ltrim({}, E' \t\n\r'), {BEGINNING}) from {})",
            text(args),
            literal(&format!(
                r#"^\{{[ \t\n\r]{{0,16}}"{marker}"[ \t\n\r]{{0,16}}:[ \t\n\r]{{0,16}}"([^"\\]*)"#
            )),
        ),
    }
}

/// The type of what stands under the marker, null where there is nothing; of the database's JSON only.
pub(crate) fn type_under_marker(table: &Table) -> String {
    let function = if is_jsonb(table, &table.args) {
        "jsonb_typeof"
    } else {
        "json_typeof"
    };
    of_json(table, |args| {
        format!("{function}({args}->{})", literal(&table.marker))
    })
}

/// Whether args may hold something under the marker.
pub(crate) fn may_hold_marker(table: &Table) -> String {
    let doubt = is_in_doubt(table);
    match table.args.form {
        Form::Json => format!("({} is not null or {doubt})", type_under_marker(table)),
        Form::Bytes | Form::Text => format!("({} is not null or {doubt})", token(table)),
    }
}

/// Whether SQL cannot tell what the row holds, and whoever can read JSON has to: letters of a token or of the marker may be
/// escaped, PostgreSQL refuses an escape, or the marker stands elsewhere than where an envelope has it. No hook writes such rows
/// by itself. In `jsonb` there are none.
pub(crate) fn is_in_doubt(table: &Table) -> String {
    let args = &table.args;
    let mut doubts = Vec::new();
    if args.form != Form::Json {
        let (args, marker) = (text(args), &table.marker);
        doubts.push(format!(
            "{} is null and position({} in {args}) > 0",
            token(table),
            literal(marker)
        ));
        doubts.push(format!(
            "{args} like {}",
            literal(&format!("%{marker}%{marker}%"))
        ));
    }
    let columns = std::iter::once(args).chain(&table.further);
    let may_escape = columns.filter(|it| !is_jsonb(table, it));
    doubts.extend(may_escape.map(has_escapes));
    if doubts.is_empty() {
        return "false".to_owned();
    }
    format!("coalesce({}, false)", doubts.join(" or "))
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

/// Whether it is JSON without escapes of letters, alone or in a list.
pub(crate) fn is_jsonb(table: &Table, place: &Column) -> bool {
    let its_type = table.types.get(&place.name);
    its_type.is_some_and(|it| it == "jsonb" || it == "jsonb[]")
}

pub(crate) fn id_type(table: &Table) -> &str {
    &table.types[&table.id]
}

/// What is made of the args, null where PostgreSQL would refuse them.
fn of_json(table: &Table, expression: impl Fn(&str) -> String) -> String {
    let args = &table.args;
    let made = expression(&column(&args.name));
    if is_jsonb(table, args) {
        return format!("({made})");
    }
    format!(
        "(case when {} then null else {made} end)",
        has_escapes(args)
    )
}

fn has_escapes(place: &Column) -> String {
    let text = text(place);
    format!(r"position('\u' in {text}) > 0 and {text} ~ {ESCAPES}")
}
