//! Values as Python's `str` spells what its `json` module reads from them.

use zeroize::Zeroizing;

use crate::{Segment, Value, ValueKind};

/// `str(value)`.
pub(crate) fn str_of(value: &Value) -> Zeroizing<String> {
    if value.kind() == ValueKind::String {
        return value.to_text();
    }
    let mut out = Zeroizing::new(String::with_capacity(value.as_json().len() * 2));
    write_repr(value, &mut out);
    out
}

/// `repr(value)`, which is what stands inside of lists.
fn write_repr(value: &Value, out: &mut String) {
    match value.kind() {
        ValueKind::Bool => out.push_str(if value.as_json() == "true" {
            "True"
        } else {
            "False"
        }),
        ValueKind::Null => out.push_str("None"),
        ValueKind::Number => out.push_str(&number(value.as_json())),
        ValueKind::String => write_string(&value.to_text(), out),
        ValueKind::List | ValueKind::Object => {
            let is_list = value.kind() == ValueKind::List;
            out.push(if is_list { '[' } else { '{' });
            for (at, (segment, child)) in value.children().iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                if let Segment::Name(name) = segment {
                    write_string(name, out);
                    out.push_str(": ");
                }
                write_repr(child, out);
            }
            out.push(if is_list { ']' } else { '}' });
        }
    }
}

fn number(json: &str) -> String {
    if !json.contains(['.', 'e', 'E']) {
        return if json == "-0" { "0" } else { json }.to_owned();
    }
    let Ok(float) = json.parse::<f64>() else {
        return json.to_owned();
    };
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if float != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = float.to_string();
    if plain.contains('.') {
        plain
    } else {
        plain + ".0"
    }
}

fn write_string(text: &str, out: &mut String) {
    use std::fmt::Write;

    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for sign in text.chars() {
        // Writing to a string cannot fail.
        let _ = match sign {
            '\\' => write!(out, "\\\\"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            _ if sign == quote => write!(out, "\\{sign}"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' => {
                write!(out, "\\x{:02x}", u32::from(sign))
            }
            _ => write!(out, "{sign}"),
        };
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_spelled_as_python_prints_them() {
        for (json, python) in [
            ("true", "True"),
            ("null", "None"),
            ("[1,2]", "[1, 2]"),
            (
                r#"["a","it's",false,null]"#,
                r#"['a', "it's", False, None]"#,
            ),
            (r#"[{"a":[]}]"#, "[{'a': []}]"),
            (r#"["\u007f\n\\'\""]"#, r#"['\x7f\n\\\'"']"#),
            ("1e5", "100000.0"),
            ("1E16", "1e+16"),
            ("0.00001", "1e-05"),
            ("2.50", "2.5"),
            ("-0.0", "-0.0"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            (r#""plain""#, "plain"),
        ] {
            let value = Value::from_json(json).expect("it is JSON");
            assert_eq!(*str_of(&value), python);
        }
    }
}
