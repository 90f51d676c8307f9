//! In single quotes nothing means anything, but the quote itself.

use super::{Text, quoted};

pub(super) fn line(name: &str, value: &str) -> Text {
    quoted(&format!("export {name}='"), value, "'\n", |sign| {
        (sign == '\'').then_some(r"'\''")
    })
}
