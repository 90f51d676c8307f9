use std::path::Path;

use jobcrypt::audit::JsonLines;

use crate::{exit::Exit, failure::Failure, own_file};

/// How each line begins.
const BEGIN: &str = "{\"event\":\"";

/// Opens the file that is told what is done to jobs, and by whom.
pub(crate) fn open(path: &Path) -> Result<JsonLines, Failure> {
    own_file::check(path, BEGIN)?;
    let user = std::env::var("USER").unwrap_or_default();
    let log = JsonLines::append(path).field("user", &user).open();
    log.map_err(|error| {
        let message = format!("the audit file {} cannot be written", path.display());
        Failure::new(Exit::Failed, message).because(error)
    })
}
