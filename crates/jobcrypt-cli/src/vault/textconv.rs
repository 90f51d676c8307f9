use clap::Args;
use jobcrypt::vault::{AuditAction, ValuePath};
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure, output, vault::vault_arguments::VaultArguments};

#[derive(Args)]
pub(crate) struct Textconv {
    #[command(flatten)]
    vault: VaultArguments,
}

impl Textconv {
    /// Prints a line for each value, as git compares them.
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let vault = self.vault.open(AuditAction::Diff)?;
        let mut text = Zeroizing::new(String::new());
        for (path, value) in vault.values(&ValuePath::root())? {
            text.push_str(&path.to_string());
            text.push_str(" = ");
            text.push_str(value.as_json());
            text.push('\n');
        }
        output::raw(text.as_bytes()).map(|()| Exit::Done)
    }
}
