//! Tokens in any text, found by how they begin: `jc1.<cipher>.<key id>.`. This is the same search that
//! PostgreSQL does with `jc1f?\.[a-z0-9+-]+\.([A-Za-z0-9_-]{22})\.`.

use jobcrypt_core::KeyId;
use zeroize::Zeroizing;

use crate::Found;

/// A token in a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head<'a> {
    pub(crate) form: &'a str,
    pub(crate) cipher: &'a str,
    pub(crate) key_id: KeyId,
    /// How long it is, all of it.
    pub(crate) len: usize,
}

/// Returns the tokens of a text, in their order.
pub(crate) fn tokens(text: &[u8]) -> impl Iterator<Item = Head<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = rest.windows(3).position(|it| it == b"jc1")?;
            rest = &rest[at..];
            if let Some(head) = head(rest) {
                rest = &rest[head.len..];
                return Some(head);
            }
            rest = &rest[3..];
        }
    })
}

/// Replaces the escapes of JSON that may stand in a token for what they mean: `\u002B` for `+` and the like. What they
/// mean elsewhere is no matter here. Returns `None` where there are none.
pub(crate) fn unescaped(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if !text.windows(4).any(|it| it == br"\u00") {
        return None;
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let escaped = rest.strip_prefix(br"\u00").and_then(|it| it.get(..2));
        let digits = escaped.and_then(|it| std::str::from_utf8(it).ok());
        let byte = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
        if let Some(byte) = byte.filter(u8::is_ascii) {
            plain.push(byte);
            rest = &rest[6..];
        } else {
            plain.push(*first);
            rest = behind;
        }
    }
    Some(plain)
}

/// Reads the token that a text begins with.
pub(crate) fn head(text: &[u8]) -> Option<Head<'_>> {
    let (form, rest) = part(text, 4, |_| true)?;
    if !matches!(form, "jc1" | "jc1f") {
        return None;
    }
    let is_of_cipher = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-');
    let (cipher, rest) = part(rest, 64, is_of_cipher)?;
    let (key_id, rest) = part(rest, 22, is_base64url)?;
    let key_id = key_id.parse().ok()?;
    let body = rest.iter().take_while(|byte| is_base64url(**byte)).count();
    Some(Head {
        form,
        cipher,
        key_id,
        len: text.len() - rest.len() + body,
    })
}

/// What a head says that PostgreSQL has cut out: `jc1.<cipher>.<key id>`.
#[cfg(feature = "postgres")]
pub(crate) fn found(head_without_dot: &str) -> Found {
    let with_dot = format!("{head_without_dot}.");
    head(with_dot.as_bytes()).map_or(Found::Unreadable, |head| head.found())
}

impl Head<'_> {
    pub(crate) fn found(&self) -> Found {
        Found::Token {
            cipher: self.cipher.to_owned(),
            key_id: self.key_id,
        }
    }
}

/// Cuts off what stands before the next dot, if it is short and made of what is allowed.
fn part(text: &[u8], most: usize, allowed: impl Fn(u8) -> bool) -> Option<(&str, &[u8])> {
    let dot = text.iter().take(most + 1).position(|byte| *byte == b'.')?;
    let (part, rest) = text.split_at(dot);
    let is_sound = !part.is_empty() && part.iter().all(|byte| allowed(*byte));
    let part = std::str::from_utf8(part).ok().filter(|_| is_sound)?;
    Some((part, &rest[1..]))
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn tokens_are_found_wherever_they_stand() {
        let text =
            format!("jc1.jc1.fernet.{KEY}.abc\"jc1f.secretbox+pad.{KEY}.x jc1.a.short.b jc1");
        let found: Vec<_> = tokens(text.as_bytes())
            .map(|it| (it.form, it.cipher, it.len))
            .collect();
        assert_eq!(
            found,
            [("jc1", "fernet", 37), ("jc1f", "secretbox+pad", 43)]
        );
    }

    #[test]
    fn what_only_looks_like_a_token_is_none() {
        for text in [
            "jc1..AAAAAAAAAAAAAAAAAAAAAA.",
            "jc1.Fernet.AAAAAAAAAAAAAAAAAAAAAA.",
            "jc1.fernet.AAAAAAAAAAAAAAAAAAAAA.",
            // Not the one spelling of 16 bytes.
            "jc1.fernet.AAAAAAAAAAAAAAAAAAAAAB.",
            "jc2.fernet.AAAAAAAAAAAAAAAAAAAAAA.",
            "jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(tokens(text.as_bytes()).count(), 0, "{text}");
        }
    }
}
