use std::{fs, path::Path};

use riverqueue::BoxError;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One line of `examples/data/jobs.jsonl`, where all is made up. The args stay text: their bytes are
/// what is compared. So they stand there as River writes them, without spaces and with `<`, `>` and
/// `&` escaped.
#[derive(Debug, Deserialize)]
pub(crate) struct FileJob {
    pub(crate) kind: String,
    pub(crate) args: Box<RawValue>,
}

pub(crate) fn read() -> Result<Vec<FileJob>, BoxError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/jobs.jsonl");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line)
                .map_err(|error| format!("{}, line {}: {error}", path.display(), index + 1).into())
        })
        .collect()
}
