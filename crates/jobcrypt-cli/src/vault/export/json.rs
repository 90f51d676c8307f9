//! JSON for people, an entry on each line. Numbers stay as they are spelled, which those of a `serde_json::Value` do not.

use jobcrypt::vault::{Segment, Value, ValueKind};
use zeroize::Zeroizing;

use super::{Text, append};

pub(crate) fn write(value: &Value) -> Text {
    let mut text = Zeroizing::new(String::new());
    write_at(value, 0, &mut text);
    append(&mut text, "\n");
    text
}

fn write_at(value: &Value, indent: usize, text: &mut Text) {
    let children = value.children();
    if value.kind() != ValueKind::Object || children.is_empty() {
        append(text, value.as_json());
        return;
    }
    let mut before = "{\n";
    for (segment, child) in children {
        let Segment::Name(name) = segment else {
            continue;
        };
        append(text, before);
        append(text, &" ".repeat(indent + 2));
        append(text, Value::from(&*name).as_json());
        append(text, ": ");
        write_at(&child, indent + 2, text);
        before = ",\n";
    }
    append(text, "\n");
    append(text, &" ".repeat(indent));
    append(text, "}");
}
