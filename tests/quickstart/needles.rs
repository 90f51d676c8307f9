use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

use base64_simd::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::value::RawValue;

use crate::job_file;

/// Shorter strings are in any database by chance.
const SHORTEST: usize = 8;

/// The string values of args, as they are and as hex and base64, by their first bytes.
#[derive(Default)]
pub(crate) struct Needles(HashMap<[u8; SHORTEST], Vec<Vec<u8>>>);

impl Needles {
    pub(crate) fn of_sealed_kinds() -> Self {
        Self::of_kinds(true)
    }

    pub(crate) fn of_readable_kind() -> Self {
        Self::of_kinds(false)
    }

    /// Returns those that are in `bytes`.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (at, start) in bytes.windows(SHORTEST).enumerate() {
            for needle in self.0.get(start).into_iter().flatten() {
                if bytes[at..].starts_with(needle) {
                    found.push(String::from_utf8_lossy(needle).into_owned());
                }
            }
        }
        found
    }

    fn of_kinds(sealed: bool) -> Self {
        let mut needles = Self::default();
        for job in job_file::jobs() {
            if job.is_sealed() == sealed {
                needles.collect(&job.args);
            }
        }
        assert!(!needles.0.is_empty(), "the jobs have no strings");
        needles
    }

    // Through raw values, since a `Value` has no room for the file's numbers.
    fn collect(&mut self, value: &RawValue) {
        let text = value.get();
        match text.as_bytes()[0] {
            b'{' => serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
                .expect("an object is an object")
                .values()
                .for_each(|member| self.collect(member)),
            b'[' => serde_json::from_str::<Vec<&RawValue>>(text)
                .expect("an array is an array")
                .iter()
                .for_each(|element| self.collect(element)),
            b'"' => {
                let string: String = serde_json::from_str(text).expect("a string is a string");
                if string.chars().count() >= SHORTEST {
                    self.insert_with_encodings(&string);
                    // As it is written in JSON, with its escapes.
                    self.insert(&text[1..text.len() - 1]);
                }
            }
            _ => {}
        }
    }

    fn insert_with_encodings(&mut self, string: &str) {
        let mut hex = String::new();
        for byte in string.bytes() {
            write!(hex, "{byte:02x}").expect("a string takes all that is written");
        }
        self.insert(string);
        self.insert(&hex);
        self.insert(&hex.to_uppercase());
        // Three bytes make four characters, so the characters depend on what stands in front of the
        // string, and those at its ends on their neighbours: these are left out.
        for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
            let shifted = ["\0".repeat(before).as_str(), string].concat();
            for encoded in [
                STANDARD_NO_PAD.encode_to_string(&shifted),
                URL_SAFE_NO_PAD.encode_to_string(&shifted),
            ] {
                self.insert(&encoded[shared..encoded.len() - 1]);
            }
        }
    }

    fn insert(&mut self, needle: &str) {
        let start = needle.as_bytes().first_chunk().copied();
        let start = start.expect("what is inserted is long enough");
        let with_start = self.0.entry(start).or_default();
        if !with_start.iter().any(|known| known == needle.as_bytes()) {
            with_start.push(needle.as_bytes().to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn args_that_are_only_encoded_are_found() {
        let needles = Needles::of_sealed_kinds();
        for job in job_file::jobs().iter().filter(|job| job.is_sealed()) {
            let args = job.args.get();
            for stored in [
                args.to_owned(),
                STANDARD_NO_PAD.encode_to_string(args),
                URL_SAFE_NO_PAD.encode_to_string(args),
            ] {
                assert!(!needles.found_in(stored.as_bytes()).is_empty());
            }
        }
    }
}
