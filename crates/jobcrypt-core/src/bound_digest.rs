//! What the bound fields are, as one digest. It is taken over what values mean and not over how they are
//! written, since PostgreSQL's `jsonb` writes them anew: white space, the order of members, escapes, numbers.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{Error, ErrorKind, field_path::FieldPath, field_places::Place};

/// Digests the places to which the `bound` paths lead. `first` is the position of the first of these paths
/// among those of the places.
pub(crate) fn of(
    json: &[u8],
    bound: &[FieldPath],
    first: usize,
    places: &[Place],
) -> Result<[u8; 32], Error> {
    let mut hash = Sha256::new_with_prefix(b"jobcrypt/bound/v1\0");
    for (number, path) in bound.iter().enumerate() {
        let mut here: Vec<_> = places
            .iter()
            .filter(|place| place.path == first + number)
            .collect();
        here.sort_unstable_by(|one, other| one.pointer.cmp(&other.pointer));
        text(path.as_str().as_bytes(), &mut hash);
        // A field that is not there is bound too: nobody may add it.
        length(here.len(), &mut hash);
        for place in here {
            text(place.pointer.as_bytes(), &mut hash);
            value(&json[place.value.clone()], MOST_DEPTH, &mut hash)?;
        }
    }
    Ok(hash.finalize().into())
}

/// As deep as readers of JSON go.
const MOST_DEPTH: usize = 120;

fn value(json: &[u8], depth: usize, hash: &mut Sha256) -> Result<(), Error> {
    let depth = depth.checked_sub(1).ok_or_else(unreadable)?;
    match json.first() {
        Some(b'n') if json == b"null" => hash.update(b"z"),
        Some(b't') if json == b"true" => hash.update(b"t"),
        Some(b'f') if json == b"false" => hash.update(b"f"),
        Some(b'"') => {
            let string: std::borrow::Cow<'_, str> =
                serde_json::from_slice(json).map_err(|_| unreadable())?;
            hash.update(b"s");
            text(string.as_bytes(), hash);
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> =
                serde_json::from_slice(json).map_err(|_| unreadable())?;
            hash.update(b"a");
            length(elements.len(), hash);
            for element in elements {
                value(element.get().as_bytes(), depth, hash)?;
            }
        }
        Some(b'{') => {
            let mut members = Members::default();
            serde::de::Deserializer::deserialize_map(
                &mut serde_json::Deserializer::from_slice(json),
                &mut members,
            )
            .map_err(|_| unreadable())?;
            let mut members = members.0;
            members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
            if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                return Err(Error::new(
                    ErrorKind::DuplicateField,
                    "a name within a bound field stands twice",
                ));
            }
            hash.update(b"o");
            length(members.len(), hash);
            for (name, member) in members {
                text(name.as_bytes(), hash);
                value(member.get().as_bytes(), depth, hash)?;
            }
        }
        _ => {
            hash.update(b"n");
            text(number(json).ok_or_else(unreadable)?.as_bytes(), hash);
        }
    }
    Ok(())
}

/// The members of an object as they are written, duplicates too.
#[derive(Default)]
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> serde::de::Visitor<'a> for &mut Members<'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_entry()? {
            self.0.push(member);
        }
        Ok(())
    }
}

/// The one spelling of a number: its digits without zeros at either end, and a power of ten.
fn number(json: &[u8]) -> Option<String> {
    let is_number = matches!(json.first(), Some(b'-' | b'0'..=b'9'));
    let written: &RawValue = serde_json::from_slice(json).ok().filter(|_| is_number)?;
    let written = written.get();
    let (sign, written) = match written.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", written),
    };
    let (digits, power) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some("0e0".to_owned());
    }
    // No number of a job comes near; beyond, powers would not add up.
    let power: i64 = power.parse::<i32>().ok()?.into();
    let power = power + zeros - i64::try_from(fraction.len()).ok()?;
    Some(format!("{sign}{significant}e{power}"))
}

fn text(bytes: &[u8], hash: &mut Sha256) {
    length(bytes.len(), hash);
    hash.update(bytes);
}

fn length(length: usize, hash: &mut Sha256) {
    hash.update((length as u64).to_be_bytes());
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::Malformed,
        "a bound field is no JSON that can be compared",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(json: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        value(json.as_bytes(), MOST_DEPTH, &mut hash).expect("it is JSON");
        hash.finalize().into()
    }

    #[test]
    fn what_means_the_same_has_one_digest() {
        for (one, other) in [
            ("1e2", "100"),
            ("1.10", "1.1"),
            ("-0.0", "0"),
            ("0.05E+1", "0.5"),
            (r#""\u0041\/""#, r#""A/""#),
            (r#"{ "b": 1, "a" : [ ] }"#, r#"{"a":[],"b":1.0}"#),
        ] {
            assert_eq!(digest(one), digest(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_means_another_thing_has_another_digest() {
        let all = [
            "1",
            "-1",
            "10",
            "0.1",
            "0",
            "null",
            "true",
            "false",
            r#""1""#,
            r#""""#,
            "[]",
            "{}",
            "[1]",
            "[[1]]",
            "[1,1]",
            "[11]",
            r#"{"1":1}"#,
            r#"{"":1}"#,
            r#"["a","b"]"#,
            r#"["ab"]"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":{},"b":1}"#,
            "12345678901234567890123",
            "12345678901234567890124",
        ];
        let digests: std::collections::HashSet<_> = all.iter().map(|json| digest(json)).collect();
        assert_eq!(digests.len(), all.len());
    }
}
