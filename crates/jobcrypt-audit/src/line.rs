//! An event as a line of JSON, up to what only the writer knows.

use std::{fmt::Write as _, time::SystemTime};

use jobcrypt_core::{AuditEvent, AuditValue};

/// What a kind or a path may take of a line. Whoever writes the table chooses kinds.
const LONGEST_TEXT: usize = 256;

/// Begins the line of an event: `{"event":"...","at":"...","pid":...,...`, without an end.
pub(crate) fn of_event(event: &AuditEvent<'_>, now: SystemTime) -> String {
    let mut line = begin(event.name(), now);
    for (name, value) in event.fields() {
        match value {
            AuditValue::Count(count) => number(&mut line, name, count),
            AuditValue::KeyId(id) => text(&mut line, name, &id.to_string()),
            AuditValue::Text(value) => text(&mut line, name, value),
        }
    }
    line
}

/// Begins a line of the log's own, with a count where there is something to count.
pub(crate) fn of_log(name: &str, count: Option<u64>) -> String {
    let mut line = begin(name, SystemTime::now());
    if let Some(count) = count {
        number(&mut line, "count", count);
    }
    line
}

fn begin(name: &str, now: SystemTime) -> String {
    let at = humantime::format_rfc3339_micros(now);
    let pid = std::process::id();
    format!(r#"{{"event":"{name}","at":"{at}","pid":{pid}"#)
}

fn number(line: &mut String, name: &str, value: u64) {
    // Writing to a `String` cannot fail; the same below.
    let _ = write!(line, r#","{name}":{value}"#);
}

/// Adds a text.
pub(crate) fn text(line: &mut String, name: &str, value: &str) {
    let _ = write!(line, r#","{name}":""#);
    for (at, character) in value.chars().enumerate() {
        if at == LONGEST_TEXT {
            line.push('…');
            break;
        }
        push(line, character);
    }
    line.push('"');
}

/// Writes a character so that it can neither end the string or the line, nor steer a terminal, nor turn the
/// direction of what is read.
fn push(line: &mut String, character: char) {
    match character {
        '"' | '\\' => line.extend(['\\', character]),
        '\u{2028}'
        | '\u{2029}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => escape(line, character),
        _ if character.is_control() => escape(line, character),
        _ => line.push(character),
    }
}

/// For characters of the basic plane, as all that are escaped are.
fn escape(line: &mut String, character: char) {
    let _ = write!(line, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str) -> String {
        of_event(
            &AuditEvent::PlaintextAccepted { kind },
            SystemTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn a_line_says_when_what_and_who() {
        let pid = std::process::id();
        assert_eq!(
            line("charge_card"),
            format!(
                r#"{{"event":"plaintext.accepted","at":"1970-01-01T00:00:00.000000Z","pid":{pid},"kind":"charge_card""#
            )
        );
    }

    #[test]
    fn no_text_breaks_out_of_its_string_or_line() {
        let hostile = "a\"},{\"event\":\"b\\\n\r\t\0\u{1b}[31m\u{7f}\u{85}\u{2028}\u{202e}é🦀";
        let line = line(hostile) + "}";
        assert!(
            !line
                .chars()
                .any(|it| it.is_control() || it == '\u{202e}' || it == '\u{2028}'),
            "{line}"
        );
        let value: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
        assert_eq!(value["kind"], hostile);
        assert_eq!(value["event"], "plaintext.accepted");
    }

    #[test]
    fn a_long_text_is_cut() {
        let line = line(&"é".repeat(100_000)) + "}";
        let value: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
        let kind = value["kind"].as_str().expect("it is a text");
        assert_eq!(kind.chars().count(), LONGEST_TEXT + 1);
        assert!(kind.ends_with('…'));
    }
}
