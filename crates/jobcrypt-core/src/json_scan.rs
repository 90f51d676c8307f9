//! Steps over JSON by RFC 8259, in one pass and without recursion. What was stepped over is JSON, but for UTF-8,
//! which is another pass.

use std::borrow::Cow;

use crate::json_keys;

/// A place in a JSON text.
pub(crate) struct JsonScan<'a> {
    json: &'a [u8],
    at: usize,
}

/// A string as it is written, without its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    bytes: &'a [u8],
    has_escapes: bool,
}

/// Every step returns `None` where there is no such JSON.
impl<'a> JsonScan<'a> {
    pub(crate) fn new(json: &'a [u8]) -> Self {
        Self { json, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.json.len()
    }

    /// Steps over a value, and returns it.
    pub(crate) fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        self.skip_value()?;
        Some(&self.json[start..self.at])
    }

    pub(crate) fn skip_value(&mut self) -> Option<()> {
        let mut open = Containers::default();
        loop {
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    self.skip_space();
                    if !self.take(b'}') {
                        open.push(true);
                        self.name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.skip_space();
                    if !self.take(b']') {
                        open.push(false);
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                b'n' => self.literal(b"null")?,
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                _ => self.number()?,
            }
            loop {
                let Some(is_object) = open.last() else {
                    return Some(());
                };
                self.skip_space();
                match (self.next()?, is_object) {
                    (b',', _) => {
                        self.skip_space();
                        if is_object {
                            self.name()?;
                        }
                        break;
                    }
                    (b'}', true) | (b']', false) => open.pop(),
                    _ => return None,
                }
            }
        }
    }

    /// Steps over the name of a member and its colon, to its value.
    pub(crate) fn name(&mut self) -> Option<Written<'a>> {
        let name = self.string()?;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Some(name)
    }

    pub(crate) fn string(&mut self) -> Option<Written<'a>> {
        self.expect(b'"')?;
        let rest = &self.json[self.at..];
        let len = plain_len(rest);
        if rest.get(len) != Some(&b'"') {
            return self.string_with_escapes();
        }
        self.at += len + 1;
        Some(Written {
            bytes: &rest[..len],
            has_escapes: false,
        })
    }

    /// From behind its first quote on.
    #[cold]
    fn string_with_escapes(&mut self) -> Option<Written<'a>> {
        let start = self.at;
        loop {
            self.at += plain_len(&self.json[self.at..]);
            match self.next()? {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
        Some(Written {
            bytes: &self.json[start..self.at - 1],
            has_escapes: true,
        })
    }

    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    /// Steps over `byte`, if it is here.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        self.at += usize::from(is_here);
        is_here
    }

    pub(crate) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.json.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        let is_here = self.json[self.at..].starts_with(literal);
        self.at += if is_here { literal.len() } else { 0 };
        is_here.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _has_sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

impl<'a> Written<'a> {
    /// Whether it means `text`, whatever escapes it is written with.
    pub(crate) fn is(self, text: &str) -> bool {
        if self.has_escapes {
            json_keys::unescape(self.bytes).is_some_and(|it| it == text)
        } else {
            self.bytes == text.as_bytes()
        }
    }

    /// What it means; `None` for what no text can hold.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        if self.has_escapes {
            json_keys::unescape(self.bytes)
        } else {
            std::str::from_utf8(self.bytes).ok().map(Cow::Borrowed)
        }
    }
}

/// Which containers a value lies in, objects or not: a bit each, and an allocation only from the 65th on.
#[derive(Default)]
struct Containers {
    innermost: u64,
    outer: Vec<u64>,
    depth: usize,
}

impl Containers {
    fn push(&mut self, is_object: bool) {
        if self.is_full() {
            self.outer.push(self.innermost);
        }
        self.innermost = self.innermost << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.innermost >>= 1;
        if self.is_full() {
            self.innermost = self.outer.pop().unwrap_or_default();
        }
    }

    fn last(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.innermost & 1 == 1)
    }

    fn is_full(&self) -> bool {
        self.depth > 0 && self.depth.is_multiple_of(64)
    }
}

/// How many bytes stand before the first that a string must not hold as it is: a quote, a backslash, a control
/// character. Eight at once: names and most values are too short for what searches with wider registers.
fn plain_len(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // With one bit turned, the quote stands next to the control characters.
        let stops = below(word ^ each(b'"' ^ 0x20), 0x21) | below(word ^ each(b'\\'), 1);
        if stops != 0 {
            return text.len() - rest.len() + stops.trailing_zeros() as usize / 8;
        }
        rest = behind;
    }
    let is_plain = |byte: &&u8| **byte >= 0x20 && !matches!(byte, b'"' | b'\\');
    text.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

/// Marks the high bit of each byte that is below `limit`, at most 128; above the first such byte, of others too.
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(each(limit)) & !word & each(0x80)
}

fn each(byte: u8) -> u64 {
    u64::from(byte) * 0x0101_0101_0101_0101
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn is_json(text: &[u8]) -> bool {
        let mut scan = JsonScan::new(text);
        scan.skip_space();
        let is_value = scan.skip_value().is_some();
        scan.skip_space();
        is_value && scan.is_at_end()
    }

    fn is_json_to_serde(text: &str) -> bool {
        serde_json::from_str::<&RawValue>(text).is_ok()
    }

    #[test]
    fn takes_what_a_parser_takes_and_nothing_else() {
        for text in [
            "",
            " ",
            "0",
            "-0",
            "00",
            "01",
            "-",
            "1.",
            ".1",
            "1.0",
            "1e",
            "1e+",
            "1e-07",
            "1E5",
            "+1",
            "nul",
            "null",
            "nulll",
            "true",
            "false",
            "truefalse",
            "\"\"",
            "\"",
            "\"\\\"",
            "\"\\u12\"",
            "\"\\u12ag\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"\n\"",
            "\"\u{7f}\u{e9}\"",
            "[]",
            "[",
            "]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[[]]",
            "[[]",
            "[}",
            "{}",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            "{1:2}",
            "{\"a\":[{\"b\":{}}]}",
            "{\"a\":[}]",
            " [ 1 , { \"a\" : null } ] ",
            "[1] 2",
            "\"12345678",
            "\"1234567\"",
        ] {
            assert_eq!(is_json(text.as_bytes()), is_json_to_serde(text), "{text}");
        }
        for depth in [1, 63, 64, 65, 128, 129, 1000] {
            let (open, close) = ("[{\"a\":".repeat(depth), "}]".repeat(depth));
            assert!(is_json(format!("{open}1{close}").as_bytes()), "{depth}");
            assert!(!is_json(format!("{open}1{close}]").as_bytes()), "{depth}");
            let crossed = close.replacen("}]", "]}", 1);
            assert!(!is_json(format!("{open}1{crossed}").as_bytes()), "{depth}");
        }
    }

    proptest! {
        #[test]
        fn takes_what_a_parser_takes(text in r#"[\[\]{}:, "a\\u0-9eE.+\-tnl\x01é]{0,24}"#) {
            prop_assert_eq!(is_json(text.as_bytes()), is_json_to_serde(&text));
        }

        #[test]
        fn a_string_ends_where_its_first_quote_is(plain in r"[ -!#-\[\]-~é]{0,40}", rest in ".{0,20}") {
            let text = format!("\"{plain}\"{rest}");
            let written = JsonScan::new(text.as_bytes()).string().map(|it| it.bytes);
            prop_assert_eq!(written, Some(plain.as_bytes()));
        }
    }
}
