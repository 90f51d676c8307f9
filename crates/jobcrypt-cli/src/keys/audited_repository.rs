use std::path::PathBuf;

use clap::Args;
use jobcrypt::keys::KeyRepository;

use crate::{audit_file, failure::Failure};

/// A repository that is about to change.
#[derive(Args)]
pub(crate) struct AuditedRepository {
    /// The folder of the repository
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,

    /// A file that is told what becomes of keys
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
}

impl AuditedRepository {
    pub(crate) fn open(&self) -> Result<KeyRepository, Failure> {
        let repository = KeyRepository::open(&self.repository)?;
        Ok(match &self.audit {
            Some(file) => repository.audited(audit_file::open(file)?),
            None => repository,
        })
    }
}
