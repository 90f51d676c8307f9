use std::fmt::Write;

use clap::Args;
use jobcrypt::vault::{AuditAction, VaultForm};
use serde_json::json;

use crate::{exit::Exit, failure::Failure, output::Output, vault::vault_arguments::VaultArguments};

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    vault: VaultArguments,
}

impl Verify {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let vault = self.vault.open(AuditAction::Get)?;
        let values = vault.verify()?;
        let form = match vault.form() {
            VaultForm::Fernet => "fernet",
            _ => "jobcrypt",
        };
        let keys: Vec<_> = vault
            .keys_in_use()
            .iter()
            .map(ToString::to_string)
            .collect();
        let id = vault.id().map(|id| id.to_string());
        let document = json!({"form": form, "values": values, "id": id, "keys": keys});
        output.result(&document, |_| {
            let mut text = format!("whole; form {form}, values {values}");
            // Writing to a string cannot fail.
            if let Some(id) = id {
                let _ = write!(text, "\nid {id}");
            }
            for key in &keys {
                let _ = write!(text, "\nkey in use {key}");
            }
            text + "\n"
        })?;
        Ok(Exit::Done)
    }
}
