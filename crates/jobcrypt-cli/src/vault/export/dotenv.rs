//! As python-dotenv reads it. It puts variables in even inside of single quotes, and knows no way to write `${`
//! otherwise, so whoever reads such a value says `interpolate=False`.

use super::{Text, quoted};

pub(super) fn line(name: &str, value: &str) -> Text {
    if value.contains("${") {
        eprintln!(
            "warning: {name} holds ${{, which python-dotenv replaces unless it is called with interpolate=False"
        );
    }
    quoted(&format!("{name}='"), value, "'\n", |sign| match sign {
        '\'' => Some(r"\'"),
        '\\' => Some(r"\\"),
        _ => None,
    })
}
