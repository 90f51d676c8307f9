//! JSON as it is written: numbers keep their spelling, and no copy of a value is left behind unwiped. What is found here
//! stands on texts that `canonical` has made, so looking into them never fails.

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{VaultError, value_path::DEEPEST};

/// Returns the one spelling of a JSON text that has no white space and no needless escapes. Numbers stay as they are.
pub(crate) fn canonical(text: &str) -> Result<Zeroizing<String>, VaultError> {
    if let Err(error) = serde_json::from_str::<&RawValue>(text) {
        // What serde says could quote the value.
        return Err(VaultError::bad_value(format!(
            "it is wrong at line {}, column {}",
            error.line(),
            error.column()
        )));
    }
    // No spelling is longer in this one, so the text never grows and leaves nothing behind.
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    let mut depth = 0;
    while let Some(first) = rest.chars().next() {
        match first {
            ' ' | '\t' | '\n' | '\r' => {}
            '"' => {
                let (string, behind) = rest.split_at(string_len(rest));
                write_quoted(&unquote_any(string)?, &mut |part| out.push_str(part));
                rest = behind;
                continue;
            }
            _ => {
                match first {
                    '{' | '[' => depth += 1,
                    '}' | ']' => depth -= 1,
                    _ => {}
                }
                if depth > DEEPEST {
                    return Err(VaultError::bad_value("it is nested too deep"));
                }
                out.push(first);
            }
        }
        rest = &rest[first.len_utf8()..];
    }
    Ok(out)
}

/// How deep lists and objects stand inside each other.
pub(crate) fn depth(json: &str) -> usize {
    let bytes = json.as_bytes();
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += string_len(&json[at..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

/// Returns the names, in their quotes, and the values of an object.
pub(crate) fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    parts(object).map(|member| {
        let (name, value) = member.split_at(string_len(member));
        (name, &value[1..])
    })
}

/// Returns the values of a list.
pub(crate) fn elements(list: &str) -> impl Iterator<Item = &str> {
    parts(list)
}

/// Returns the text of a string, given with its quotes.
pub(crate) fn unquote(string: &str) -> Zeroizing<String> {
    unquote_any(string).unwrap_or_default()
}

/// Writes a text as a string, with its quotes, in parts.
pub(crate) fn write_quoted(text: &str, out: &mut dyn FnMut(&str)) {
    out("\"");
    let mut rest = text;
    let needs_escape = |byte: u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    while let Some(at) = rest.bytes().position(needs_escape) {
        out(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out("\\\""),
            b'\\' => out("\\\\"),
            0x08 => out("\\b"),
            0x0c => out("\\f"),
            b'\n' => out("\\n"),
            b'\r' => out("\\r"),
            b'\t' => out("\\t"),
            other => out(&format!("\\u{other:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out(rest);
    out("\"");
}

/// Writes a text as a string, with its quotes.
pub(crate) fn quoted(text: &str) -> Zeroizing<String> {
    built(|out| write_quoted(text, out))
}

/// Runs `write` twice: to measure, and to write into a text that need not grow.
pub(crate) fn built(write: impl Fn(&mut dyn FnMut(&str))) -> Zeroizing<String> {
    let mut len = 0;
    write(&mut |part| len += part.len());
    let mut text = Zeroizing::new(String::with_capacity(len));
    write(&mut |part| text.push_str(part));
    text
}

/// What stands between the commas of an object or a list.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text
        .get(1..text.len().saturating_sub(1))
        .unwrap_or_default();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, behind) = rest.split_at(part_len(rest));
        rest = behind.strip_prefix(',').unwrap_or_default();
        Some(part)
    })
}

/// How long a text is up to the first comma that stands in no string and nothing nested.
fn part_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => at += string_len(&text[at..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// How long a string is, with both quotes.
fn string_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return text.len(),
        }
    }
}

/// Resolves the escapes of a string that serde has found to be one.
fn unquote_any(string: &str) -> Result<Zeroizing<String>, VaultError> {
    let inner = string
        .get(1..string.len().saturating_sub(1))
        .unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(inner.len()));
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let escaped = rest.chars().next().unwrap_or('\\');
        rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
        text.push(match escaped {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (resolved, behind) = unicode_escape(rest)
                    .ok_or_else(|| VaultError::bad_value("it holds half of a surrogate pair"))?;
                rest = behind;
                resolved
            }
            other => other,
        });
    }
    text.push_str(rest);
    Ok(text)
}

/// Reads what stands behind `\u`: one unit of UTF-16, or a pair.
fn unicode_escape(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
    let first = unit(text)?;
    let behind = &text[4..];
    if let Some(resolved) = char::from_u32(u32::from(first)) {
        return Some((resolved, behind));
    }
    let second = unit(behind.strip_prefix("\\u")?)?;
    let mut pair = char::decode_utf16([first, second]);
    let resolved = pair.next()?.ok()?;
    Some((resolved, &behind[6..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn numbers_keep_their_spelling_and_white_space_goes() {
        let text = " { \"a\" : [ 1.0 , 12345678901234567890123, 1e400, -0 ] , \"b c\" : null }\n";
        let canonical = canonical(text).expect("it is JSON");
        assert_eq!(
            *canonical,
            r#"{"a":[1.0,12345678901234567890123,1e400,-0],"b c":null}"#
        );
    }

    #[test]
    fn strings_have_one_spelling() {
        let text = r#""\u00e9\/\ud83d\ude00\u0000\u001f\"\\ ,]}""#;
        let canonical = canonical(text).expect("it is JSON");
        assert_eq!(*canonical, "\"é/😀\\u0000\\u001f\\\"\\\\ ,]}\"");
    }

    #[test]
    fn what_is_no_json_is_refused_without_being_quoted() {
        for text in [
            "",
            "secret",
            "{\"a\":1,}",
            "NaN",
            "1 2",
            "\"\\ud800secret\"",
            &"[".repeat(70),
        ] {
            let error = canonical(text).expect_err(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert!(canonical(&deep).is_err());
    }

    #[test]
    fn members_and_elements_are_found_among_brackets_and_quotes() {
        let object = r#"{"a,":{"b":[1,"}"]},"":"x\"","c":[]}"#;
        let found: Vec<_> = members(object).collect();
        assert_eq!(
            found,
            [
                ("\"a,\"", "{\"b\":[1,\"}\"]}"),
                ("\"\"", "\"x\\\"\""),
                ("\"c\"", "[]")
            ]
        );
        assert_eq!(elements("[]").count(), 0);
        assert_eq!(
            elements("[[1,2],\"]\",3]").collect::<Vec<_>>(),
            ["[1,2]", "\"]\"", "3"]
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn serde_agrees_about_every_text(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).expect("it is JSON");
            let canonical = canonical(&pretty).expect("it is JSON");
            prop_assert_eq!(&*canonical, &value.to_string());
        }

        #[test]
        fn any_text_survives_its_quotes(text in any::<String>()) {
            let quoted = quoted(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).expect("it is JSON"), text.clone());
            prop_assert_eq!(&*unquote(&quoted), &text);
        }

        #[test]
        fn no_text_at_all_makes_it_panic(text in ".{0,60}") {
            let _ = canonical(&text);
        }
    }
}
