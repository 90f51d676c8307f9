use std::{fmt, str::FromStr};

use crate::VaultError;

/// Where a value stands: `database.password`.
///
/// Names are separated by dots. A name with a dot or another sign in it is written `["a.b"]`, or with backslashes as
/// `a\.b`; `hosts[0]` is the first of a list. There is one canonical spelling, which stands in the file and in errors.
///
/// ```
/// use jobcrypt_vault::ValuePath;
///
/// let path: ValuePath = r"api\.example\.com.key".parse()?;
/// assert_eq!(path.to_string(), r#"["api.example.com"].key"#);
/// assert_eq!(path, ValuePath::of(["api.example.com", "key"]));
/// # Ok::<(), jobcrypt_vault::VaultError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ValuePath(Vec<Segment>);

/// One step of a [`ValuePath`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Segment {
    /// A name in an object.
    Name(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// How long a path may be, in bytes of its canonical spelling: it is bound into a token.
const LONGEST: usize = 4096;
/// How many steps it may have, so that the JSON of any vault can be read by others.
pub(crate) const DEEPEST: usize = 64;

impl ValuePath {
    /// The path of the whole vault.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Takes names, each as it is.
    #[must_use]
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names = names.into_iter().map(Into::into);
        Self(names.map(Segment::Name).collect())
    }

    /// Returns the path of `segment` below this one.
    #[must_use]
    pub fn join(&self, segment: Segment) -> Self {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }

    /// Returns the steps, from the top.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether it is the path of the whole vault.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names up to the first index, which say where an entry is, and the steps inside of it.
    pub(crate) fn split(&self) -> (Self, &[Segment]) {
        let is_index = |segment: &Segment| matches!(segment, Segment::Index(_));
        let names = self.0.iter().position(is_index).unwrap_or(self.0.len());
        (Self(self.0[..names].to_vec()), &self.0[names..])
    }

    /// Returns all shorter paths to the same place, the longest first, without the root.
    pub(crate) fn parents(&self) -> impl Iterator<Item = Self> {
        let shorter = (1..self.0.len()).rev();
        shorter.map(|len| Self(self.0[..len].to_vec()))
    }

    /// Checks that the path is not too long to be bound into a token, and not too deep.
    pub(crate) fn check_len(&self) -> Result<(), VaultError> {
        let text = self.to_string();
        if text.len() <= LONGEST && self.0.len() <= DEEPEST {
            return Ok(());
        }
        let begin: String = text.chars().take(64).collect();
        Err(bad(&begin, "it is longer than 4,096 bytes or 64 steps"))
    }
}

/// Whether a text is the canonical spelling of the path of an entry: names only.
pub(crate) fn is_of_entry(text: &str) -> bool {
    // Nearly all are plain, and need no memory to be looked at.
    if text.split('.').all(is_plain) {
        return text.len() <= LONGEST && text.split('.').count() <= DEEPEST;
    }
    text.parse::<ValuePath>().is_ok_and(|path| {
        let (entry, inside) = path.split();
        inside.is_empty() && !entry.is_root() && entry.to_string() == text
    })
}

/// Whether `path` stands somewhere below `branch`, both in their canonical spelling.
pub(crate) fn is_below(path: &str, branch: &str) -> bool {
    branch.is_empty()
        || path
            .strip_prefix(branch)
            .is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// Whether a name needs no quotes.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
    !name.is_empty() && name.bytes().all(is_plain)
}

impl FromStr for ValuePath {
    type Err = VaultError;

    /// # Errors
    ///
    /// [`VaultError::BadPath`], which says what is wrong.
    fn from_str(text: &str) -> Result<Self, VaultError> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, behind) = if let Some(bracket) = rest.strip_prefix('[') {
                bracketed(bracket)
            } else {
                plain(rest)
            }
            .map_err(|why| bad(text, why))?;
            if segments.is_empty() && matches!(segment, Segment::Index(_)) {
                return Err(bad(text, "a vault is no list; it begins with a name"));
            }
            segments.push(segment);
            rest = match behind.as_bytes() {
                [] => break,
                [b'.', ..] => &behind[1..],
                [b'[', ..] => behind,
                _ => {
                    return Err(bad(
                        text,
                        "behind a bracket stands a dot, another bracket or nothing",
                    ));
                }
            };
            if rest.starts_with('[') && behind.starts_with('.') {
                return Err(bad(text, "no dot stands before a bracket"));
            }
        }
        let path = Self(segments);
        path.check_len()?;
        Ok(path)
    }
}

impl fmt::Display for ValuePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(formatter, "[{index}]")?,
                Segment::Name(name) if is_plain(name) => {
                    let dot = if at == 0 { "" } else { "." };
                    write!(formatter, "{dot}{name}")?;
                }
                Segment::Name(name) => {
                    formatter.write_str("[\"")?;
                    name.chars()
                        .try_for_each(|sign| write_sign(sign, formatter))?;
                    formatter.write_str("\"]")?;
                }
            }
        }
        Ok(())
    }
}

/// Writes a sign of a name inside of quotes. Signs that would not show, or would turn the line around, are written by
/// their number; the list is part of the format and never changes.
fn write_sign(sign: char, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match sign {
        '"' => formatter.write_str("\\\""),
        '\\' => formatter.write_str("\\\\"),
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{a0}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => write!(formatter, "\\u{:04x}", u32::from(sign)),
        _ => write!(formatter, "{sign}"),
    }
}

/// Reads a name without quotes, up to a dot or a bracket.
fn plain(text: &str) -> Result<(Segment, &str), &'static str> {
    let mut name = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '.' | '[' => return named(name, &text[at..]),
            '\\' => match signs.next() {
                Some((_, escaped @ ('.' | '[' | ']' | '"' | '\\'))) => name.push(escaped),
                _ => {
                    return Err(
                        "a backslash stands before a dot, a bracket, a quote or another backslash",
                    );
                }
            },
            ']' | '"' => {
                return Err("a name with a bracket or a quote is written in quotes: [\"...\"]");
            }
            _ if sign.is_control() => {
                return Err("a name with such signs is written in quotes: [\"...\"]");
            }
            _ => name.push(sign),
        }
    }
    named(name, "")
}

fn named(name: String, rest: &str) -> Result<(Segment, &str), &'static str> {
    if name.is_empty() {
        return Err("a name is missing; one of no characters is written [\"\"]");
    }
    Ok((Segment::Name(name), rest))
}

/// Reads an index or a quoted name, behind its opening bracket.
fn bracketed(text: &str) -> Result<(Segment, &str), &'static str> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, behind) = quoted_name(quoted)?;
        let behind = behind.strip_prefix(']').ok_or("a bracket is not closed")?;
        return Ok((Segment::Name(name), behind));
    }
    let (digits, behind) = text.split_once(']').ok_or("a bracket is not closed")?;
    let is_canonical = digits == "0" || !digits.starts_with('0');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(index) if is_number && is_canonical && digits.len() <= 9 => {
            Ok((Segment::Index(index), behind))
        }
        _ => Err("in brackets stands a place in a list, from 0, or a name in quotes"),
    }
}

/// Reads a name up to its closing quote.
fn quoted_name(text: &str) -> Result<(String, &str), &'static str> {
    const WRONG: &str =
        "in quotes a backslash stands before a quote, another backslash, or u and four digits";
    let mut name = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Ok((name, &text[at + 1..])),
            '\\' => match signs.next() {
                Some((_, escaped @ ('"' | '\\'))) => name.push(escaped),
                Some((at, 'u')) => {
                    let digits = text.get(at + 1..at + 5).ok_or(WRONG)?;
                    let code = u32::from_str_radix(digits, 16).map_err(|_| WRONG)?;
                    name.push(char::from_u32(code).ok_or(WRONG)?);
                    signs.nth(3);
                }
                _ => return Err(WRONG),
            },
            _ => name.push(sign),
        }
    }
    Err("a quote is not closed")
}

fn bad(path: &str, why: &'static str) -> VaultError {
    VaultError::BadPath {
        path: path.to_owned(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> ValuePath {
        text.parse().expect("it is a path")
    }

    #[test]
    fn one_place_has_several_spellings_and_one_is_canonical() {
        for spelling in [
            r"a\.b.c",
            r#"["a.b"].c"#,
            r#"["a.b"]["c"]"#,
            "[\"a\\u002eb\"].c",
        ] {
            assert_eq!(parse(spelling).to_string(), r#"["a.b"].c"#);
        }
        assert_eq!(parse("größe x.y").to_string(), r#"["größe x"].y"#);
        assert_eq!(parse("hosts[0].name").segments()[1], Segment::Index(0));
    }

    #[test]
    fn a_list_has_places_and_an_object_may_have_numbers_for_names() {
        assert_ne!(parse("a[0]"), parse("a.0"));
        assert_eq!(parse("a.0"), ValuePath::of(["a", "0"]));
        assert_eq!(ValuePath::of(["a", ""]).to_string(), "a[\"\"]");
    }

    #[test]
    fn what_is_no_path_is_refused_with_a_reason() {
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a[",
            "a[]",
            "a[01]",
            "a[-1]",
            "a[\"b]",
            "a[\"b\"",
            "a]",
            "a\"b",
            r"a\x",
            "[0]",
            "a.[\"b\"]",
            "a[\"b\"]c",
            "a\nb",
            "a[\"\\ud800\"]",
            "a[9999999999]",
            "a[\"\\u+041\"]x",
        ] {
            let error = text.parse::<ValuePath>().expect_err(text);
            assert!(
                matches!(error, VaultError::BadPath { .. }),
                "{text}: {error}"
            );
        }
        assert!("a".repeat(4097).parse::<ValuePath>().is_err());
    }

    #[test]
    fn signs_that_do_not_show_are_written_by_their_numbers() {
        let path = ValuePath::of(["a\u{202e}b\n"]);
        assert_eq!(path.to_string(), "[\"a\\u202eb\\u000a\"]");
        assert_eq!(parse(&path.to_string()), path);
    }

    fn any_path() -> impl Strategy<Value = ValuePath> {
        let segment = prop_oneof![
            4 => any::<String>().prop_map(Segment::Name),
            4 => "[a-z.\\[\\]\"\\\\]{0,4}".prop_map(Segment::Name),
            1 => (0_usize..1_000_000_000).prop_map(Segment::Index),
        ];
        let first = any::<String>().prop_map(Segment::Name);
        (first, prop::collection::vec(segment, 0..5)).prop_map(|(first, rest)| {
            let mut segments = vec![first];
            segments.extend(rest);
            ValuePath(segments)
        })
    }

    proptest! {
        #[test]
        fn the_canonical_spelling_leads_to_the_same_place(path in any_path()) {
            let text = path.to_string();
            prop_assert_eq!(text.parse::<ValuePath>().expect("it is canonical"), path.clone());
            prop_assert!(!text.contains('\n'));
            let is_entry = !path.segments().iter().any(|it| matches!(it, Segment::Index(_)));
            prop_assert_eq!(is_of_entry(&text), is_entry);
        }

        #[test]
        fn any_text_is_a_path_with_one_spelling_or_none(text in "[a-c0-9.\\[\\]\"\\\\ \u{e9}\n]{0,12}") {
            if let Ok(path) = text.parse::<ValuePath>() {
                let canonical = path.to_string();
                prop_assert_eq!(canonical.parse::<ValuePath>().expect("it is canonical"), path);
                prop_assert_eq!(is_of_entry(&text), canonical == text && !text.contains("[0") && is_of_entry(&canonical));
            }
        }

        #[test]
        fn two_places_never_share_a_spelling(one in any_path(), other in any_path()) {
            prop_assert_eq!(one == other, one.to_string() == other.to_string());
        }
    }
}
