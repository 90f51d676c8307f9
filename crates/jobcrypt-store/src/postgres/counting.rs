//! The two statements that count what rests in a table.

use crate::{
    Form, Table,
    postgres::expression::{is_parked, json, kind, state, text, token},
    table::{Column, column, literal, quoted},
};

/// How tokens begin, in the words of PostgreSQL; [`token_scan`](crate::token_scan) finds the same.
const HEAD: &str = r"(jc1f?\.[a-z0-9+-]+\.[A-Za-z0-9_-]{22})\.";

/// What stands for the beginning of a token where a legacy form is.
pub(crate) const LEGACY: &str = "legacy";

/// One pass over the table: what the args are as a whole, and whether tokens rest elsewhere in the row.
pub(crate) fn count_of_args(table: &Table) -> String {
    format!(
        "select {kind}, {state}, {parked}, {head}, count(*), {oldest}, bool_or({elsewhere}) is true
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
pub(crate) fn count_elsewhere(table: &Table) -> String {
    let args = &table.args;
    let siblings = match args.form {
        Form::Json => format!("({} - {})::text", json(table, args), literal(&table.marker)),
        // Beside fields, another one may come before that under the marker.
        Form::Bytes | Form::Text => format!("replace({}, {}, '')", text(args), token(table)),
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
                r"select {at} as place, m[1] as head
                  from regexp_matches(replace(replace({text}, '\u002B', '+'), '\u002b', '+'), '{HEAD}', 'g') m"
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

/// How a token begins, up to its body. Without a regular expression: those cost sixty times as much as
/// the rest of the scan. And without a function that counts the characters of the whole token first, as
/// `left` and `substr` do; here they only keep what is no cipher and no key id from being long.
fn head(table: &Table) -> String {
    let token = token(table);
    let head = |form: &str| {
        format!(
            "'{form}.' || left(split_part({token}, '.', 2), 65) || '.' || left(split_part({token}, '.', 3), 23)"
        )
    };
    format!(
        "case when starts_with({token}, 'jc1.') then {whole}
         when starts_with({token}, 'jc1f.') then {fields}
         when {token} is null then case when {is_legacy_string} then '{LEGACY}' when {is_escaped} then '' end
         when {token} ~ '^[A-Za-z0-9+/]+=*$' then '{LEGACY}'
         else '' end",
        whole = head("jc1"),
        fields = head("jc1f"),
        is_legacy_string = is_legacy_string(&table.args, table),
        is_escaped = is_escaped(&table.args),
    )
}

/// Whether letters of a token or of the marker may be escaped: no encoder does that by itself, but a hook opens it. PostgreSQL's own
/// JSON has no such escapes. (.NET escapes `+`, which stands in tokens with padding only.)
fn is_escaped(args: &Column) -> String {
    match args.form {
        Form::Json => "false".to_owned(),
        Form::Bytes | Form::Text => format!(
            r"position('\u00' in {0}) > 0 and {0} ~ '\\u00(2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])'",
            text(args)
        ),
    }
}

/// Whether the args are a string of base64 and nothing else, long enough to be a ciphertext.
fn is_legacy_string(args: &Column, table: &Table) -> String {
    let base64 = r#"'^\s*"[A-Za-z0-9+/_\\-]{50}'"#;
    match args.form {
        Form::Json => format!(
            "jsonb_typeof({}) = 'string' and {} ~ {base64}",
            json(table, args),
            text(args)
        ),
        Form::Bytes | Form::Text => format!("{} ~ {base64}", text(args)),
    }
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

fn oldest(table: &Table) -> String {
    let created = table.created.as_deref();
    created.map_or_else(
        || "null::text".to_owned(),
        |it| format!("min({})::text", column(it)),
    )
}
