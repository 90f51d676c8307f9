//! The statements that count what rests in a table.

use crate::{
    Form, Table,
    postgres::expression::{
        is_in_doubt, is_jsonb, is_parked, kind, state, stored, text, token, type_under_marker,
    },
    table::{Column, column, literal, quoted},
};

/// How tokens begin, in the words of PostgreSQL; [`token_scan`](crate::token_scan) finds the same.
const HEAD: &str = r"(jc1f?\.[a-z0-9+-]+\.[A-Za-z0-9_-]{22})\.";

/// What stands for the beginning of a token where a legacy form is.
pub(crate) const LEGACY: &str = "legacy";

/// What stands there for rows that [`rows_in_doubt`] reads.
pub(crate) const DOUBT: &str = "doubt";

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
    let siblings = if is_jsonb(table, args) {
        format!(
            "({} - {})::text",
            column(&args.name),
            literal(&table.marker)
        )
    } else {
        // Beside fields, another one may come before that under the marker.
        let (text, token) = (text(args), token(table));
        format!(
            "overlay({text} placing '' from greatest(position({token} in {text}), 1) for length({token}))"
        )
    };
    let within = format!(
        "case when {} then {siblings} else {} end",
        is_token(table),
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
         where {elsewhere} and not {doubt} group by 1, 2, 3, 4, found.place",
        kind = kind(table),
        state = state(table),
        parked = is_parked(table),
        oldest = oldest(table),
        name = quoted(table.name()),
        found = found.join(" union all "),
        elsewhere = is_elsewhere(table),
        doubt = is_in_doubt(table),
    )
}

/// The rows of which SQL cannot tell what they hold, as they are.
pub(crate) fn rows_in_doubt(table: &Table) -> String {
    let created = table.created.as_deref();
    let created = created.map_or_else(
        || "null::text".to_owned(),
        |it| format!("{}::text", column(it)),
    );
    let values = std::iter::once(&table.args).chain(&table.further);
    format!(
        "select {kind}, {state}, {parked}, {created}, {values} from {name} as t where {doubt}",
        kind = kind(table),
        state = state(table),
        parked = is_parked(table),
        values = values.map(stored).collect::<Vec<_>>().join(", "),
        name = quoted(table.name()),
        doubt = is_in_doubt(table),
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
    let (is_marked, is_text) = match table.args.form {
        Form::Json => {
            let under_marker = type_under_marker(table);
            (
                format!("{under_marker} is not null"),
                format!("{under_marker} = 'string'"),
            )
        }
        Form::Bytes | Form::Text => ("false".to_owned(), "true".to_owned()),
    };
    format!(
        "case when {doubt} then '{DOUBT}'
         when {is_whole} then {whole}
         when {is_of_fields} then {fields}
         when {token} is null then case when {is_legacy_string} then '{LEGACY}' when {is_marked} then '' end
         when {token} ~ '^[A-Za-z0-9+/]+=*$' and {is_text} then '{LEGACY}'
         else '' end",
        doubt = is_in_doubt(table),
        is_whole = begins(&token, "jc1"),
        is_of_fields = begins(&token, "jc1f"),
        whole = head("jc1"),
        fields = head("jc1f"),
        is_legacy_string = is_legacy_string(table),
    )
}

/// Whether a text has all dots of a token's head. As cheap as a look at its first letters.
fn begins(token: &str, form: &str) -> String {
    format!("{token} like '{form}.%.%.%'")
}

/// Whether a token stands under the marker, and not something else.
fn is_token(table: &Table) -> String {
    let token = token(table);
    let (whole, fields) = (begins(&token, "jc1"), begins(&token, "jc1f"));
    format!("coalesce({whole} or {fields}, false)")
}

/// Whether the args are a string of base64 and nothing else, long enough to be a ciphertext.
fn is_legacy_string(table: &Table) -> String {
    let args = &table.args;
    let is_base64 = format!(r#"{} ~ '^\s*"[A-Za-z0-9+/_\\-]{{50}}'"#, text(args));
    let name = column(&args.name);
    match args.form {
        Form::Json if is_jsonb(table, args) => {
            format!("jsonb_typeof({name}) = 'string' and {is_base64}")
        }
        Form::Json => format!("json_typeof({name}) = 'string' and {is_base64}"),
        Form::Bytes | Form::Text => is_base64,
    }
}

fn is_elsewhere(table: &Table) -> String {
    let args: &Column = &table.args;
    let beside_token = if is_jsonb(table, args) {
        let marker = literal(&table.marker);
        format!("({} - {marker}) <> '{{}}'", column(&args.name))
    } else {
        format!("{} like '%jc1%jc1%'", text(args))
    };
    // Whether that is a token, the second statement looks.
    let mut places = vec![format!(
        "case when starts_with({}, 'jc1') then {beside_token} else {} like '%jc1%' end",
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
