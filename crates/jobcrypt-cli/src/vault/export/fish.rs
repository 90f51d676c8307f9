use super::{Text, quoted};

pub(super) fn line(name: &str, value: &str) -> Text {
    quoted(
        &format!("set -gx {name} '"),
        value,
        "'\n",
        |sign| match sign {
            '\'' => Some(r"\'"),
            '\\' => Some(r"\\"),
            _ => None,
        },
    )
}
