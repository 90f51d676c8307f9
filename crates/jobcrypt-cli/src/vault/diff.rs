use std::{fmt::Write, path::PathBuf};

use clap::Args;
use jobcrypt::vault::{AuditAction, Change, ValuePath, Vault};
use serde::Serialize;
use serde_json::value::RawValue;

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
            let _ = writeln!(text, "{difference}");
            let mut sides = [None, None];
            if self.values {
                for (at, (sign, vault)) in [('<', &before), ('>', &later)].iter().enumerate() {
                    sides[at] = value(vault, &difference.path)?;
                    if let Some(value) = &sides[at] {
                        let _ = writeln!(text, "  {sign} {}", value.get());
                    }
                }
            }
            let [before, later] = sides;
            documents.push(Document {
                path: difference.path,
                change,
                before,
                later,
            });
        }
        output.result(&documents, |_| text)?;
        Ok(if documents.is_empty() {
            Exit::Done
        } else {
            Exit::Findings
        })
    }
}

/// One difference, its values as they are spelled.
#[derive(Serialize)]
struct Document {
    path: String,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    later: Option<Box<RawValue>>,
}

fn value(vault: &Vault, name: &str) -> Result<Option<Box<RawValue>>, Failure> {
    if !vault.names().any(|there| there == name) {
        return Ok(None);
    }
    let path: ValuePath = name.parse()?;
    let json = vault.get(&path)?.as_json().to_owned();
    Ok(Some(
        RawValue::from_string(json).expect("a value is written as JSON"),
    ))
}
