use std::collections::{BTreeMap, HashMap, HashSet};

use riverqueue::BoxError;
use serde_json::value::RawValue;

/// Shorter values are in any database by chance.
const SHORTEST: usize = 8;

/// Values of args, to be looked for in the bytes of a database.
#[derive(Debug, Default)]
pub(crate) struct Secrets(HashSet<Vec<u8>>);

impl Secrets {
    /// Collects the strings and numbers of these args. Strings count twice when they have escapes,
    /// once as they are and once as they are written.
    pub(crate) fn of<'a>(all: impl IntoIterator<Item = &'a RawValue>) -> Result<Self, BoxError> {
        let mut secrets = Self::default();
        for args in all {
            secrets.collect(args)?;
        }
        Ok(secrets)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns how many of them are in `bytes`.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> usize {
        let mut by_start: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        for secret in &self.0 {
            by_start
                .entry(&secret[..SHORTEST])
                .or_default()
                .push(secret);
        }
        let mut found = HashSet::new();
        for (at, start) in bytes.windows(SHORTEST).enumerate() {
            for secret in by_start.get(start).into_iter().flatten() {
                if bytes[at..].starts_with(secret) {
                    found.insert(*secret);
                }
            }
        }
        found.len()
    }

    // Through raw values, since a `Value` has no room for 1e400.
    fn collect(&mut self, value: &RawValue) -> Result<(), BoxError> {
        let text = value.get();
        match text.as_bytes()[0] {
            b'{' => {
                for member in serde_json::from_str::<BTreeMap<String, &RawValue>>(text)?.values() {
                    self.collect(member)?;
                }
            }
            b'[' => {
                for element in serde_json::from_str::<Vec<&RawValue>>(text)? {
                    self.collect(element)?;
                }
            }
            b'"' => {
                self.insert(serde_json::from_str::<String>(text)?.as_bytes());
                self.insert(text.trim_matches('"').as_bytes());
            }
            _ => self.insert(text.as_bytes()),
        }
        Ok(())
    }

    fn insert(&mut self, secret: &[u8]) {
        if secret.len() >= SHORTEST {
            self.0.insert(secret.to_vec());
        }
    }
}
