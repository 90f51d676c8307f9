use std::io::{self, IsTerminal};

use clap::Args;
use jobcrypt::vault::{AuditAction, ValuePath};
use zeroize::Zeroizing;

use crate::{
    exit::Exit, failure::Failure, output, output::Output, vault::vault_arguments::VaultArguments,
};

#[derive(Args)]
pub(crate) struct Get {
    #[command(flatten)]
    vault: VaultArguments,

    /// The path of a value, such as database.password, or of a branch; `list` prints those that there are
    path: ValuePath,
}

impl Get {
    /// Prints a text as it is, with a line break behind it on a terminal only; with `--json` as JSON.
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let value = self.vault.open(AuditAction::Get)?.get(&self.path)?;
        let mut text = if output.is_for_people() {
            value.to_text()
        } else {
            Zeroizing::new(value.as_json().to_owned())
        };
        if io::stdout().is_terminal() || !output.is_for_people() {
            text.push('\n');
        }
        output::raw(text.as_bytes()).map(|()| Exit::Done)
    }
}
