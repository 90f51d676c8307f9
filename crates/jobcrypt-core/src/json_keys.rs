//! The object keys of a JSON text, found in one pass without recursion and without allocation.
//!
//! The text need not be valid: what is found in such a text is of no use to anyone, but finding it
//! never fails, so args of any shape can be asked whether they hold the marker.

use std::borrow::Cow;

use memchr::memchr2;

/// Walks over the keys of a JSON text, at every depth.
pub(crate) struct JsonKeys<'a> {
    json: &'a [u8],
    at: usize,
    depth: usize,
}

/// A key, as it is written.
pub(crate) struct JsonKey<'a> {
    /// What stands between the quotes.
    pub(crate) written: &'a [u8],
    /// 1 for the keys of the outermost object.
    pub(crate) depth: usize,
    /// Everything behind the colon.
    pub(crate) rest: &'a [u8],
}

impl<'a> JsonKeys<'a> {
    pub(crate) fn new(json: &'a [u8]) -> Self {
        Self {
            json,
            at: 0,
            depth: 0,
        }
    }
}

impl<'a> Iterator for JsonKeys<'a> {
    type Item = JsonKey<'a>;

    fn next(&mut self) -> Option<JsonKey<'a>> {
        while let Some(byte) = self.json.get(self.at) {
            self.at += 1;
            match byte {
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b'"' => {
                    let written = string(&self.json[self.at..])?;
                    self.at += written.len() + 1;
                    let behind = trim_start(&self.json[self.at..]);
                    if let [b':', rest @ ..] = behind {
                        return Some(JsonKey {
                            written,
                            depth: self.depth,
                            rest,
                        });
                    }
                }
                _ => {}
            }
        }
        None
    }
}

impl JsonKey<'_> {
    /// Whether it is the first key of its object, in the text that it was found in.
    pub(crate) fn is_first_in(&self, json: &[u8]) -> bool {
        // The key is what stands before the colon: nothing but white space can come between.
        let before = json.len() - self.rest.len() - 1;
        let quoted = json[..before].trim_ascii_end();
        quoted
            .len()
            .checked_sub(self.written.len() + 2)
            .is_some_and(|start| ends_in_brace(&quoted[..start]))
    }

    /// Whether this is the key `name`, whatever escapes it is written with.
    pub(crate) fn is(&self, name: &str) -> bool {
        unescape(self.written).is_some_and(|key| key == name)
    }
}

/// Whether a text ends in `{`, but for white space.
fn ends_in_brace(json: &[u8]) -> bool {
    let mut bytes = json.iter().rev();
    bytes.find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) == Some(&b'{')
}

/// Returns what stands between an opening quote, which is behind us, and the closing one.
fn string(json: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(&json[..at]);
        }
        at += 2;
    }
}

/// Skips what JSON calls white space, which is less than ASCII does.
pub(crate) fn trim_start(json: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let spaces = json.iter().take_while(|byte| is_space(byte)).count();
    &json[spaces..]
}

/// Returns the text of a JSON value that is a string, and what stands behind it.
pub(crate) fn string_value(json: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let written = written_string(json)?;
    let rest = &trim_start(json)[written.len() + 2..];
    Some((unescape(written)?, rest))
}

/// Returns what stands between the quotes of a JSON value that is a string.
pub(crate) fn written_string(json: &[u8]) -> Option<&[u8]> {
    match trim_start(json) {
        [b'"', rest @ ..] => string(rest),
        _ => None,
    }
}

/// Resolves the escapes of a JSON string, given without its quotes.
pub(crate) fn unescape(written: &[u8]) -> Option<Cow<'_, str>> {
    if !written.contains(&b'\\') {
        return std::str::from_utf8(written).ok().map(Cow::Borrowed);
    }
    let quoted = [b"\"", written, b"\""].concat();
    serde_json::from_slice(&quoted).ok().map(Cow::Owned)
}
