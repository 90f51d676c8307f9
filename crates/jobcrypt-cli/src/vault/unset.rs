use clap::Args;
use jobcrypt::vault::{AuditAction, ValuePath};
use serde_json::json;

use crate::{exit::Exit, failure::Failure, output::Output, vault::vault_arguments::VaultArguments};

#[derive(Args)]
pub(crate) struct Unset {
    #[command(flatten)]
    vault: VaultArguments,

    /// The path of a value, or of a branch
    path: ValuePath,
}

impl Unset {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let options = self.vault.options(AuditAction::Get)?;
        let removed = options.update(self.vault.file(), |vault| vault.unset(&self.path))?;
        output.result(&json!({ "removed": removed }), |_| {
            format!("values taken away: {removed}\n")
        })?;
        Ok(Exit::Done)
    }
}
