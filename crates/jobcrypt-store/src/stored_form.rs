use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use crate::{Found, token_scan};

/// What stored args are, as far as that shows without a key.
pub(crate) fn of(stored: &[u8], marker: &str) -> Found {
    match token(stored, marker) {
        Some(token) => match token_scan::head(token.as_bytes()) {
            Some(head) => head.found(),
            None if is_base64(&token) => Found::Legacy,
            None => Found::Unreadable,
        },
        None if is_legacy_string(stored) => Found::Legacy,
        None => Found::Plaintext,
    }
}

/// Whether the value begins as an object does.
pub(crate) fn is_object(stored: &[u8]) -> bool {
    stored.trim_ascii_start().first() == Some(&b'{')
}

/// Returns the text under the marker; whatever else stands there counts as a text that is no token, and so does a marker
/// in what is no JSON, unless it begins as an envelope does.
pub(crate) fn token<'a>(stored: &'a [u8], marker: &str) -> Option<Cow<'a, str>> {
    let holds_marker = contains(stored, marker.as_bytes());
    // Most values have no marker at all, and need not be parsed to see that.
    if !holds_marker && !stored.contains(&b'\\') {
        return None;
    }
    let object = serde_json::from_slice::<BTreeMap<Cow<'_, str>, &RawValue>>(stored);
    match object {
        Ok(object) => {
            let value = object.get(marker)?.get();
            Some(serde_json::from_str::<Cow<'_, str>>(value).unwrap_or(Cow::Borrowed("")))
        }
        Err(_) if !holds_marker => None,
        Err(_) if !is_object(stored) && serde_json::from_slice::<&RawValue>(stored).is_ok() => None,
        Err(_) => Some(Cow::Borrowed(beginning(stored, marker).unwrap_or(""))),
    }
}

/// Returns what stands under the marker where a value begins with it, up to the first quote or escape, as far as it is there.
fn beginning<'a>(stored: &'a [u8], marker: &str) -> Option<&'a str> {
    let rest = stored.trim_ascii_start().strip_prefix(b"{")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let rest = rest.strip_prefix(marker.as_bytes())?.strip_prefix(b"\"")?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?;
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\');
    let text = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    std::str::from_utf8(text).ok()
}

/// The tokens in args that are not the one under the marker.
pub(crate) fn tokens_within<'a>(
    stored: &'a [u8],
    marker: &str,
) -> impl Iterator<Item = Found> + use<'a> {
    let mut under_marker = token(stored, marker)
        .and_then(|token| token_scan::head(token.as_bytes()).map(|head| head.found()));
    // Beside fields, another one may come before it; of two that say the same, either is it.
    token_scan::tokens(stored)
        .map(|head| head.found())
        .filter(move |found| under_marker.take_if(|it| it == found).is_none())
}

/// Whether the value is a string of base64 and nothing else, long enough to be a ciphertext.
fn is_legacy_string(stored: &[u8]) -> bool {
    match stored.trim_ascii_start() {
        [b'"', text @ ..] if text.len() > 50 => text[..50]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || br"+/_-\".contains(byte)),
        _ => false,
    }
}

fn is_base64(text: &str) -> bool {
    let text = text.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !text.is_empty() && text.bytes().all(allowed)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|it| it == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.abc";

    fn name_of(stored: &str) -> &'static str {
        of(stored.as_bytes(), "river_encrypt").as_str()
    }

    #[test]
    fn a_value_is_told_by_what_stands_under_the_marker() {
        assert_eq!(
            name_of(&format!(r#"{{"river_encrypt": "{TOKEN}"}}"#)),
            "sealed"
        );
        assert_eq!(
            name_of(&format!(r#"{{"river\u005fencrypt":"{TOKEN}"}}"#)),
            "sealed"
        );
        assert_eq!(name_of(r#"{"river_encrypt":"c2VjcmV0"}"#), "legacy");
        assert_eq!(name_of(&format!("\"{}\"", "gAAAA".repeat(12))), "legacy");
        assert_eq!(
            name_of(r#"{"river_encrypt":"jc2.fernet.x.y"}"#),
            "unreadable"
        );
        assert_eq!(name_of(r#"{"river_encrypt":{"a":1}}"#), "unreadable");
        assert_eq!(
            name_of(&format!(r#"{{"a":{{"river_encrypt":"{TOKEN}"}}}}"#)),
            "plaintext"
        );
        assert_eq!(name_of(r#""a short text""#), "plaintext");
        assert_eq!(name_of(r#"["river_encrypt"]"#), "plaintext");
    }

    #[test]
    fn a_marker_in_what_is_no_json_is_never_plaintext() {
        assert_eq!(
            name_of(&format!(r#"{{"river_encrypt": "{TOKEN}"#)),
            "sealed",
            "cut short"
        );
        assert_eq!(
            name_of(&format!("\u{feff}{{\"river_encrypt\":\"{TOKEN}\"}}")),
            "unreadable",
            "behind a byte order mark"
        );
    }

    #[test]
    fn tokens_within_leave_out_the_one_that_is_the_args() {
        let within = |stored: String| tokens_within(stored.as_bytes(), "river_encrypt").count();
        assert_eq!(within(format!(r#"{{"river_encrypt":"{TOKEN}"}}"#)), 0);
        assert_eq!(within(format!(r#"{{"a":["{TOKEN}","{TOKEN}"]}}"#)), 2);
        assert_eq!(
            within(format!(r#"{{"river_encrypt":"{TOKEN}","b":"{TOKEN}"}}"#)),
            1
        );
    }

    #[test]
    fn a_token_before_that_of_the_fields_is_counted() {
        let fields = TOKEN.replace("jc1.fernet.A", "jc1f.secretbox+pad.B");
        let stored = format!(r#"{{"a":{{"river_encrypt":"{TOKEN}"}},"river_encrypt":"{fields}"}}"#);
        assert_eq!(name_of(&stored), "sealed");
        let within: Vec<_> = tokens_within(stored.as_bytes(), "river_encrypt").collect();
        assert!(
            matches!(&*within, [Found::Token { cipher, .. }] if cipher == "fernet"),
            "{within:?}"
        );
    }
}
