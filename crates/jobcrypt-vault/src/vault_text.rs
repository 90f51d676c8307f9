//! The own format as text: four lines about the file, an empty one, and one line for each value, sorted.
//!
//! ```text
//! jobcrypt-vault 1
//! id = CFB0rL6Pq1gnXsqkxsuMVQ
//! key = jc1.xchacha20poly1305.<key id>.<body>
//! mac = <43 characters>
//!
//! database.host = jc1.xchacha20poly1305.<key id>.<body>
//! ```

use std::collections::BTreeMap;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};

use crate::{VaultError, VaultId, sealer, value_path};

/// Tokens by the canonical spelling of their paths, in the order of its bytes.
pub(crate) type Tokens = BTreeMap<Box<str>, Box<str>>;

/// What stands in a file, before any of it is believed.
pub(crate) struct VaultText {
    pub(crate) id: VaultId,
    /// The token of the key that made the MAC.
    pub(crate) key: Box<str>,
    pub(crate) mac: [u8; 32],
    pub(crate) entries: Tokens,
}

/// How a file of any version begins.
pub(crate) const BEGIN: &str = "jobcrypt-vault ";
const VERSION: &str = "1";
const BETWEEN: &str = " = ";

impl VaultText {
    /// Reads a file, strictly: there is one spelling of any vault.
    pub(crate) fn parse(text: &str) -> Result<Self, VaultError> {
        Self::parse_exactly(text).map_err(|error| what_was_done_to(text).unwrap_or(error))
    }

    fn parse_exactly(text: &str) -> Result<Self, VaultError> {
        let text = text
            .strip_suffix('\n')
            .ok_or_else(|| VaultError::damaged("it is cut short"))?;
        let mut lines = text.split('\n');
        let version = lines.next().and_then(|line| line.strip_prefix(BEGIN));
        if version != Some(VERSION) {
            return Err(VaultError::UnsupportedVersion {
                file: None,
                why: "it is a vault of a later version",
            });
        }
        let mut header = |name| {
            let value = lines
                .next()
                .and_then(|line| line.strip_prefix(name))
                .and_then(|rest| rest.strip_prefix(BETWEEN));
            value.ok_or_else(|| VaultError::damaged(format!("its line `{name}` is missing")))
        };
        let id = header("id")?.parse()?;
        let key = header("key")?;
        sealer::key_of(key)?;
        let mac = read_mac(header("mac")?)?;
        let gap = lines.next();
        let mut entries = Vec::new();
        for (at, line) in lines.enumerate() {
            let entry = read_entry(line)
                .map_err(|why| VaultError::damaged(format!("line {}: {why}", at + 6)))?;
            sealer::key_of(entry.1)?;
            entries.push(entry);
        }
        if gap != (!entries.is_empty()).then_some("") {
            return Err(VaultError::damaged(
                "no empty line stands before its values",
            ));
        }
        if !entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Err(VaultError::damaged(
                "its lines are not in order, or one stands twice",
            ));
        }
        let boxed = |(path, token): (&str, &str)| (path.into(), token.into());
        Ok(Self {
            id,
            key: key.into(),
            mac,
            entries: entries.into_iter().map(boxed).collect(),
        })
    }
}

/// Writes a file.
pub(crate) fn write(id: VaultId, key: &str, mac: &[u8; 32], entries: &Tokens) -> String {
    let mac = URL_SAFE_NO_PAD.encode_to_string(mac);
    let mut text = format!("{BEGIN}{VERSION}\nid = {id}\nkey = {key}\nmac = {mac}\n");
    let lines = entries.iter();
    let len: usize = lines
        .map(|(path, token)| path.len() + token.len() + 4)
        .sum();
    text.reserve(len + 1);
    if !entries.is_empty() {
        text.push('\n');
    }
    for (path, token) in entries {
        for part in [path, BETWEEN, token, "\n"] {
            text.push_str(part);
        }
    }
    text
}

/// Looks for what people and tools do to text files, once a file has turned out to be wrong.
fn what_was_done_to(text: &str) -> Option<VaultError> {
    let is_mark = |line: &str| {
        let marks = ["<<<<<<<", "=======", ">>>>>>>"];
        marks.iter().any(|mark| line.starts_with(mark))
    };
    if text.lines().any(is_mark) {
        return Some(VaultError::damaged(
            "it was merged as text, where `jobcrypt vault merge` merges values, also as a merge driver of git",
        ));
    }
    text.contains('\r').then(|| {
        VaultError::damaged("its line ends were changed; say `-text` for it in .gitattributes")
    })
}

fn read_mac(text: &str) -> Result<[u8; 32], VaultError> {
    let mut mac = [0; 32];
    let is_mac = text.len() == 43
        && URL_SAFE_NO_PAD
            .decode(text.as_bytes(), mac.as_mut_slice().as_out())
            .is_ok();
    if is_mac {
        Ok(mac)
    } else {
        Err(VaultError::damaged("its line `mac` is not one"))
    }
}

fn read_entry(line: &str) -> Result<(&str, &str), &'static str> {
    // A token has no space, so the last one is where it begins.
    let (path, token) = line
        .rsplit_once(BETWEEN)
        .ok_or("it is not `path = token`")?;
    if value_path::is_of_entry(path) {
        Ok((path, token))
    } else {
        Err("its path is not in its canonical spelling")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "jc1.x-none.AAAAAAAAAAAAAAAAAAAAAA.AAAA";

    /// A file with these lines for values.
    fn file(lines: &[&str]) -> String {
        let (id, mac) = ("A".repeat(22), "A".repeat(43));
        let gap = if lines.is_empty() { "" } else { "\n" };
        let lines: Vec<_> = lines.iter().map(|line| format!("{line}\n")).collect();
        format!(
            "jobcrypt-vault 1\nid = {id}\nkey = {TOKEN}\nmac = {mac}\n{gap}{}",
            lines.concat()
        )
    }

    fn entry(path: &str) -> String {
        format!("{path} = {TOKEN}")
    }

    #[test]
    fn what_is_read_is_written_again_to_the_byte() {
        for paths in [
            &[][..],
            &["a"],
            &["a-b", "a.b", "a[\"b c\"]", "a[\"x = y\"]", "b"],
        ] {
            let lines: Vec<_> = paths.iter().map(|path| entry(path)).collect();
            let lines: Vec<_> = lines.iter().map(|line| &**line).collect();
            let text = file(&lines);
            let read = VaultText::parse(&text).expect("it is a vault");
            assert_eq!(read.entries.len(), paths.len());
            assert_eq!(write(read.id, &read.key, &read.mac, &read.entries), text);
        }
    }

    // A MAC would refuse most of these, and says nothing about what a holder of the keys writes.
    #[test]
    fn a_path_has_its_canonical_spelling_and_its_order_or_is_refused() {
        for path in [
            "[\"a\"]",
            r"a\.b",
            "a[0]",
            "é",
            "a b",
            "",
            "a.",
            ".a",
            "a..b",
            "a[\"b\"]",
            "a[\"\n\"]",
            " a",
        ] {
            assert!(
                VaultText::parse(&file(&[&entry(path)])).is_err(),
                "{path:?}"
            );
        }
        for twice in [["a", "a"], ["b", "a"]] {
            let [one, other] = twice.map(entry);
            assert!(VaultText::parse(&file(&[&one, &other])).is_err());
        }
    }

    #[test]
    fn a_head_or_a_line_that_is_not_exact_is_refused() {
        let good = file(&[&entry("a")]);
        assert!(VaultText::parse(&good).is_ok());
        for (from, to) in [
            ("id = ", "id  = "),
            ("id = ", "ID = "),
            ("id = A", "id = "),
            ("key = jc1.", "key = jc1"),
            ("mac = A", "mac = "),
            ("mac = A", "mac = B="),
            ("\n\na = ", "\na = "),
            ("\n\na = ", "\n\n\na = "),
            ("a = ", "a="),
            ("a = ", "a  = "),
            ("a = jc1.", "a = jc1.é"),
            ("AAAA\n", "AAAA"),
            (" 1\n", " 01\n"),
        ] {
            let text = if to == "AAAA" {
                good.trim_end().to_owned()
            } else {
                good.replacen(from, to, 1)
            };
            assert_ne!(text, good, "{from:?}");
            assert!(VaultText::parse(&text).is_err(), "{to:?}");
        }
        assert!(
            VaultText::parse(&(file(&[]) + "\n")).is_err(),
            "an empty line before nothing"
        );
    }
}
