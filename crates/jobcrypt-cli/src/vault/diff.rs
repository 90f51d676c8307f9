use std::{fmt::Write, path::PathBuf};

use clap::Args;
use jobcrypt::vault::{AuditAction, Change, ValuePath, Vault};
use serde_json::json;

use crate::{exit::Exit, failure::Failure, output::Output, vault::vault_arguments::VaultArguments};

#[derive(Args)]
pub(crate) struct Diff {
    #[command(flatten)]
    vault: VaultArguments,

    /// The later vault
    #[arg(value_name = "LATER")]
    later: PathBuf,

    /// Show the values too
    #[arg(long)]
    values: bool,
}

impl Diff {
    /// Ends with [`Exit::Findings`] where something differs.
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let options = self.vault.options(AuditAction::Diff)?;
        let before = options.open(self.vault.file())?;
        let later = options.open(&self.later)?;
        let mut text = String::new();
        let mut documents = Vec::new();
        for difference in before.diff(&later)? {
            let change = match difference.change {
                Change::Added => "added",
                Change::Changed => "changed",
                Change::Removed => "removed",
            };
            let mut document = json!({"path": difference.path, "change": change});
            let _ = writeln!(text, "{difference}");
            if self.values {
                for (side, sign, vault) in [("before", '<', &before), ("later", '>', &later)] {
                    if let Some(value) = value(vault, &difference.path)? {
                        let _ = writeln!(text, "  {sign} {value}");
                        document[side] = serde_json::from_str(&value).unwrap_or_default();
                    }
                }
            }
            documents.push(document);
        }
        output.result(&documents, |_| text)?;
        Ok(if documents.is_empty() {
            Exit::Done
        } else {
            Exit::Findings
        })
    }
}

fn value(vault: &Vault, name: &str) -> Result<Option<String>, Failure> {
    if !vault.names().any(|there| there == name) {
        return Ok(None);
    }
    let path: ValuePath = name.parse()?;
    Ok(Some(vault.get(&path)?.as_json().to_owned()))
}
