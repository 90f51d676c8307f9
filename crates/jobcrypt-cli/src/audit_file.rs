use std::path::Path;

use jobcrypt::audit::JsonLines;

use crate::{exit::Exit, failure::Failure, own_file};

/// How each line begins.
const BEGIN: &str = "{\"event\":\"";

/// Opens the file that is told what is done to jobs, and by whom.
pub(crate) fn open(path: &Path) -> Result<JsonLines, Failure> {
    open_by(path, None)
}

/// The same, where somebody else than the user of this process may have begun the run.
pub(crate) fn open_by(path: &Path, actor: Option<&str>) -> Result<JsonLines, Failure> {
    own_file::check(path, BEGIN)?;
    let mut log = JsonLines::append(path);
    // The name is what whoever runs the command says it is; the number is the system's.
    if let Ok(user) = std::env::var("USER") {
        log = log.field("user", &user);
    }
    if let Some(actor) = actor {
        log = log.field("actor", actor);
    }
    let uid = rustix::process::getuid().as_raw().to_string();
    log.field("uid", &uid).open().map_err(|error| {
        let message = format!("the audit file {} cannot be written", path.display());
        Failure::new(Exit::Failed, message).because(error)
    })
}
