use riverqueue::JobArgs;
use serde::{Deserialize, Serialize};

/// The job of the walk: one of many alike, with a number that only it has.
#[derive(Clone, Debug, Deserialize, JobArgs, Serialize)]
#[river(kind = "count_sheep")]
pub(crate) struct CountSheep {
    pub(crate) number: u64,
    /// As much as an ordinary job carries.
    pub(crate) wool: String,
}

impl CountSheep {
    pub(crate) fn new(number: u64) -> Self {
        Self {
            number,
            wool: "a".repeat(150),
        }
    }
}
