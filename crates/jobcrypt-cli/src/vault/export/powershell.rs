//! PowerShell takes the typographic quotes for single quotes too.

use super::{Text, quoted};

pub(super) fn line(name: &str, value: &str) -> Text {
    quoted(
        &format!("$env:{name} = '"),
        value,
        "'\n",
        |sign| match sign {
            '\'' => Some("''"),
            '\u{2018}' => Some("\u{2018}\u{2018}"),
            '\u{2019}' => Some("\u{2019}\u{2019}"),
            '\u{201a}' => Some("\u{201a}\u{201a}"),
            '\u{201b}' => Some("\u{201b}\u{201b}"),
            _ => None,
        },
    )
}
