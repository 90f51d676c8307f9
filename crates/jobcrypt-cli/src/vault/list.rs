use clap::Args;
use jobcrypt::vault::{AuditAction, ValuePath};

use crate::{exit::Exit, failure::Failure, output::Output, vault::vault_arguments::VaultArguments};

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    vault: VaultArguments,

    /// Only those at and below this path
    path: Option<ValuePath>,
}

impl List {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let vault = self.vault.open(AuditAction::Get)?;
        let paths = vault.list(&self.path.unwrap_or_default())?;
        let paths: Vec<_> = paths.iter().map(ToString::to_string).collect();
        output.result(&paths, |paths| {
            paths
                .iter()
                .fold(String::new(), |text, path| text + path + "\n")
        })?;
        Ok(Exit::Done)
    }
}
