//! As python-dotenv reads it. It puts variables in even inside of single quotes, and knows no way to write `${`
//! otherwise, so whoever reads such a value says `interpolate=False`. A backslash in front of the closing quote it takes
//! for an escaped quote, whatever stands before it.

use zeroize::Zeroizing;

use super::{Text, quoted};

pub(super) fn line(name: &str, value: &str) -> Result<Text, &'static str> {
    if value.contains("${") {
        eprintln!(
            "warning: {name} holds ${{, which python-dotenv replaces unless it is called with interpolate=False"
        );
    }
    if value.ends_with('\\') {
        return if needs_no_quotes(value) {
            Ok(Zeroizing::new(format!("{name}={value}\n")))
        } else {
            Err("ends in a backslash, which python-dotenv cannot read behind other such signs")
        };
    }
    // It reads files with the line breaks of all systems made one.
    Ok(if value.contains('\r') {
        quoted(&format!("{name}=\""), value, "\"\n", |sign| match sign {
            '"' => Some("\\\""),
            '\\' => Some(r"\\"),
            '\r' => Some(r"\r"),
            _ => None,
        })
    } else {
        quoted(&format!("{name}='"), value, "'\n", |sign| match sign {
            '\'' => Some(r"\'"),
            '\\' => Some(r"\\"),
            _ => None,
        })
    })
}

fn needs_no_quotes(value: &str) -> bool {
    let is_sign = |sign: char| !sign.is_control() && (sign == ' ' || !sign.is_whitespace());
    value.chars().all(is_sign) && !value.starts_with([' ', '\'', '"', '#']) && !value.contains(" #")
}
