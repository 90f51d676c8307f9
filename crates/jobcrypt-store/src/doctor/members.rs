//! The members of args, raw, as River looks at them for the key of a unique job.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of one object, in its order, each name once: of two, River takes the first.
pub(super) struct Members<'a>(pub(super) Vec<(String, &'a RawValue)>);

/// More, or deeper ones, are not looked at.
const MOST: usize = 24;
const DEEPEST: usize = 4;

impl<'a> Members<'a> {
    /// Reads an object; whatever else it is has no members.
    pub(super) fn of(json: &'a str) -> Self {
        serde_json::from_str(json).unwrap_or(Self(Vec::new()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let mut members = self.0.iter();
        members.find(|(it, _)| it == name).map(|(_, value)| *value)
    }
}

/// Returns the paths of what a job can be unique by: all members, at any depth.
pub(super) fn paths(json: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    add(json, &[], &mut paths);
    paths
}

fn add(json: &str, above: &[String], paths: &mut Vec<Vec<String>>) {
    let members = Members::of(json).0;
    let below = |name: &String| [above, std::slice::from_ref(name)].concat();
    let room = MOST.saturating_sub(paths.len());
    paths.extend(members.iter().take(room).map(|(name, _)| below(name)));
    if above.len() + 1 < DEEPEST {
        for (name, value) in &members {
            add(value.get(), &below(name), paths);
        }
    }
}

/// Returns the value at this path.
pub(super) fn at<'a>(json: &'a str, path: &[String]) -> Option<&'a str> {
    path.iter().try_fold(json, |json, name| {
        Members::of(json).get(name).map(RawValue::get)
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = Members(Vec::new());
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if members.get(&name).is_none() {
                        members.0.push((name, value));
                    }
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Read)
    }
}
