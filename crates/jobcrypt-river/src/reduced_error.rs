use std::error::Error as StdError;

use riverqueue::{JobCancelError, WorkError};
use serde_json::error::Category;

/// What is left of an error of serde once it may be stored: where, not what.
#[derive(Debug, thiserror::Error)]
#[error(
    "the sealed args do not fit the worker's type: {category} error at line {line} column {column}"
)]
struct ReducedError {
    category: &'static str,
    line: usize,
    column: usize,
}

/// Takes the text out of an error that serde made of a sealed job's args: serde quotes the value it
/// stumbled over, and River stores the error with the job, in plaintext.
pub(crate) fn reduce(error: WorkError) -> WorkError {
    let Some(reduced) = find(error.get_ref()) else {
        return error;
    };
    if JobCancelError::is_in_chain(error.get_ref()) {
        return WorkError::new(JobCancelError::new(reduced));
    }
    WorkError::new(reduced)
}

fn find(error: &(dyn StdError + 'static)) -> Option<ReducedError> {
    std::iter::successors(Some(error), |&error| error.source())
        .find_map(|error| error.downcast_ref::<serde_json::Error>())
        .map(|error| ReducedError {
            category: match error.classify() {
                Category::Io => "input",
                Category::Syntax => "syntax",
                Category::Data => "data",
                Category::Eof => "end-of-input",
            },
            line: error.line(),
            column: error.column(),
        })
}
