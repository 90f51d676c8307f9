use std::path::{Path, PathBuf};

use clap::Args;
use jobcrypt::vault::{AuditAction, Pipeline, Vault, VaultId, VaultOptions};

use crate::{
    audit_file,
    failure::Failure,
    vault::key_arguments::{KEYS, KeyArguments},
};

/// A vault, its keys, and who is told.
#[derive(Args)]
pub(crate) struct VaultArguments {
    /// The file of the vault
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) opening: OpeningArguments,
}

/// How vaults are opened.
#[derive(Args)]
pub(crate) struct OpeningArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,

    /// A file that is told of each value before it is released
    #[arg(long, value_name = "LOG", help_heading = KEYS)]
    audit: Option<PathBuf>,

    /// Open the vault of this id only, as `verify` prints it, and no other that is under the same key
    #[arg(long, help_heading = KEYS)]
    pub(crate) id: Option<VaultId>,
}

impl OpeningArguments {
    pub(crate) fn options(&self, action: AuditAction) -> Result<VaultOptions, Failure> {
        let options = Vault::options(self.keys.keyring()?).action(action);
        let options = match self.id {
            Some(id) => options.only(id),
            None => options,
        };
        Ok(match &self.audit {
            Some(file) => {
                let pipeline = Pipeline::detect();
                let actor = pipeline.id().and(pipeline.actor());
                options.audit(audit_file::open_by(file, actor)?)
            }
            None => options,
        })
    }
}

impl VaultArguments {
    pub(crate) fn options(&self, action: AuditAction) -> Result<VaultOptions, Failure> {
        self.opening.options(action)
    }

    pub(crate) fn open(&self, action: AuditAction) -> Result<Vault, Failure> {
        Ok(self.options(action)?.open(&self.file)?)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}
