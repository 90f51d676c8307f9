use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::{Error, Status};

/// How many jobs each key had at some time: a line of a file that grows with each count, and a point of
/// the picture that [`drain_plot`](crate::drain_plot()) draws.
///
/// ```
/// use jobcrypt_store::DrainSample;
///
/// let line = r#"{"at":1764000000,"keys":{"AAAAAAAAAAAAAAAAAAAAAA":3},"no_key":1}"#;
/// let samples = DrainSample::read(line)?;
/// assert_eq!(samples[0].to_line(), line);
/// # Ok::<(), jobcrypt_store::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DrainSample {
    pub(crate) at: u64,
    pub(crate) keys: BTreeMap<String, u64>,
    /// Jobs that need a key and name none.
    pub(crate) no_key: u64,
}

impl DrainSample {
    /// Takes the counts of `status`, made at `at`.
    #[must_use]
    pub fn new(status: &Status, at: SystemTime) -> Self {
        let usage = status.usage().into_iter();
        Self {
            at: at
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO)
                .as_secs(),
            keys: usage.map(|(id, count)| (id.to_string(), count)).collect(),
            no_key: status.unattributed(),
        }
    }

    /// Returns the line to append, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        json!({"at": self.at, "keys": self.keys, "no_key": self.no_key}).to_string()
    }

    /// Reads a file of such lines.
    ///
    /// # Errors
    ///
    /// [`Error::Sample`] with the number of the first line that is none.
    pub fn read(lines: &str) -> Result<Vec<Self>, Error> {
        let lines = lines.lines().enumerate();
        lines
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(at, line)| Self::from_line(line).ok_or(Error::Sample(at + 1)))
            .collect()
    }

    fn from_line(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let keys = value["keys"].as_object()?.iter();
        Some(Self {
            at: value["at"].as_u64()?,
            keys: keys
                .map(|(id, count)| Some((id.clone(), count.as_u64()?)))
                .collect::<Option<_>>()?,
            no_key: value["no_key"].as_u64()?,
        })
    }
}
