//! YAML that YAML 1.1 reads as YAML 1.2 does: every text is in quotes, or a block of lines.

use jobcrypt::vault::{Segment, Value, ValueKind};
use zeroize::Zeroizing;

use super::{Text, append, quoted};

pub(crate) fn write(value: &Value) -> Text {
    let mut text = Zeroizing::new(String::new());
    write_at(value, 0, &mut text);
    text
}

fn write_at(value: &Value, indent: usize, text: &mut Text) {
    let children = value.children();
    let is_mapping = value.kind() == ValueKind::Object;
    if !is_mapping || children.is_empty() {
        write_leaf(value, indent, text);
        append(text, "\n");
        return;
    }
    for (segment, child) in children {
        let Segment::Name(name) = segment else {
            continue;
        };
        append(text, &" ".repeat(indent));
        append(text, &name_of(&name));
        let is_branch = child.kind() == ValueKind::Object && !child.children().is_empty();
        append(text, if is_branch { ":\n" } else { ": " });
        write_at(&child, indent + 2, text);
    }
}

/// A list stands on one line, as a value of a vault.
fn write_leaf(value: &Value, indent: usize, text: &mut Text) {
    match value.kind() {
        ValueKind::String => {
            let string = value.to_text();
            match block(&string, indent) {
                Some(block) => append(text, &block),
                None => append(text, &in_quotes(&string)),
            }
        }
        ValueKind::List | ValueKind::Object => {
            let is_list = value.kind() == ValueKind::List;
            append(text, if is_list { "[" } else { "{" });
            for (at, (segment, child)) in value.children().iter().enumerate() {
                append(text, if at == 0 { "" } else { ", " });
                if let Segment::Name(name) = segment {
                    append(text, &in_quotes(name));
                    append(text, ": ");
                }
                match child.kind() {
                    ValueKind::String => append(text, &in_quotes(&child.to_text())),
                    _ => write_leaf(child, indent, text),
                }
            }
            append(text, if is_list { "]" } else { "}" });
        }
        _ => append(text, value.as_json()),
    }
}

/// A name that can be nothing else stands without quotes.
fn name_of(name: &str) -> Text {
    const TAKEN: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(is_letter)
        && !TAKEN.contains(&&*name.to_ascii_lowercase());
    if is_plain {
        Zeroizing::new(name.to_owned())
    } else {
        in_quotes(name)
    }
}

/// Several lines as they are, where no reader takes them otherwise.
fn block(value: &str, indent: usize) -> Option<Text> {
    let is_shown = |sign: char| {
        sign == '\n' || matches!(sign, ' '..='~' | '\u{a1}'..='\u{2027}' | '\u{2030}'..='\u{d7ff}')
    };
    let begins_well = !value.starts_with([' ', '\n']);
    let body = value.strip_suffix('\n').unwrap_or(value);
    if !body.contains('\n')
        || !begins_well
        || body.ends_with(['\n', ' '])
        || !value.chars().all(is_shown)
    {
        return None;
    }
    let mut text = Zeroizing::new(String::new());
    append(
        &mut text,
        if body.len() == value.len() { "|-" } else { "|" },
    );
    for line in body.split('\n') {
        append(&mut text, "\n");
        if !line.is_empty() {
            append(&mut text, &" ".repeat(indent));
            append(&mut text, line);
        }
    }
    Some(text)
}

/// As JSON, and by their number all signs that YAML does not show or takes for line breaks.
fn in_quotes(value: &str) -> Text {
    let mut text = Zeroizing::new(String::with_capacity(value.len() * 2 + 2));
    append(&mut text, "\"");
    for sign in value.chars() {
        match sign {
            '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' => {
                append(&mut text, &format!("\\x{:02x}", u32::from(sign)));
            }
            '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                append(&mut text, &format!("\\u{:04x}", u32::from(sign)));
            }
            _ => {
                let part = quoted("", sign.encode_utf8(&mut [0; 4]), "", |sign| match sign {
                    '"' => Some("\\\""),
                    '\\' => Some("\\\\"),
                    _ => None,
                });
                append(&mut text, &part);
            }
        }
    }
    append(&mut text, "\"");
    text
}
