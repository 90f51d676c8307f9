use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use jobcrypt::store::{Audit, AuditAction};
use serde_json::json;

use crate::{exit::Exit, failure::Failure, jobs::own_file};

/// How each line begins.
const BEGIN: &str = "{\"action\":";

/// A file of JSON lines, one for each thing that was done to a job.
pub(crate) struct AuditFile(File);

impl AuditFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        own_file::check(path, BEGIN)?;
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.map(Self).map_err(|error| {
            let message = format!("the audit file {} cannot be written", path.display());
            Failure::new(Exit::Failed, message).because(error)
        })
    }

    pub(crate) fn write(&self, audit: &Audit<'_>) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let line = json!({
            "at": now.unwrap_or_default().as_secs(),
            "user": std::env::var("USER").ok(),
            "action": audit.action.as_str(),
            "table": audit.table,
            "id": audit.id,
            "kind": audit.kind,
        });
        // One call, so that lines of several processes do not mix.
        (&self.0).write_all(format!("{line}\n").as_bytes())?;
        match audit.action {
            AuditAction::Reveal => self.0.sync_data(),
            _ => Ok(()),
        }
    }
}
