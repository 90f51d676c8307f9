use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::value::RawValue;

/// A line of the file that the quickstart reads.
#[derive(Deserialize)]
pub(crate) struct FileJob {
    kind: String,
    pub(crate) args: Box<RawValue>,
}

impl FileJob {
    pub(crate) fn is_sealed(&self) -> bool {
        self.kind != "rebuild_index"
    }
}

pub(crate) fn jobs() -> Vec<FileJob> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/jobs.jsonl");
    fs::read_to_string(path)
        .expect("the file of jobs is there")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is a job"))
        .collect()
}

/// How many jobs are to be sealed, and how many there are.
pub(crate) fn counts() -> (i64, i64) {
    let jobs = jobs();
    let count = |count: usize| i64::try_from(count).expect("the file is small");
    let sealed = jobs.iter().filter(|job| job.is_sealed()).count();
    (count(sealed), count(jobs.len()))
}
