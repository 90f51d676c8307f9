use std::{fs::File, io::Read, path::Path};

use crate::{exit::Exit, failure::Failure};

/// Whether a file may be written to: it is missing, empty, or begins as those that this command writes. A
/// name mixed up must not cost a database or a key.
pub(crate) fn check(path: &Path, begin: &str) -> Result<(), Failure> {
    let mut found = Vec::new();
    let length = u64::try_from(begin.len()).unwrap_or(u64::MAX);
    let read = File::open(path).and_then(|file| file.take(length).read_to_end(&mut found));
    if read.is_err() || found.is_empty() || found == begin.as_bytes() {
        return Ok(());
    }
    let message = format!("{} is there, and not by this command", path.display());
    Err(Failure::new(Exit::Refused, message).next_step("name another file, or move this one aside"))
}
