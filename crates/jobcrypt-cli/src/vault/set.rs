use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use jobcrypt::vault::{AuditAction, Value, ValuePath};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    exit::Exit,
    failure::Failure,
    output::Output,
    vault::{prompt, source, vault_arguments::VaultArguments},
};

#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    vault: VaultArguments,

    /// The path of the value
    path: ValuePath,

    /// The value. Others see it in the list of processes: better leave it out, and it is asked for, or read from standard input
    #[arg(conflicts_with = "from")]
    value: Option<String>,

    /// Take what is in a file, to its last byte; - is standard input
    #[arg(long, value_name = "SOURCE")]
    from: Option<PathBuf>,

    /// The value is JSON: a number, true, null, a list, an object
    #[arg(long)]
    parse: bool,
}

impl Set {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        // Who has no key is told before the value is asked for.
        let options = self.vault.options(AuditAction::Get)?;
        options.open(self.vault.file())?;
        let text = self.text()?;
        let value = if self.parse {
            Value::from_json(&text)?
        } else {
            Value::from(&**text)
        };
        let has_changed =
            options.update(self.vault.file(), |vault| vault.set(&self.path, &value))?;
        output.result(
            &json!({"path": self.path.to_string(), "changed": has_changed}),
            |_| {
                let what = if has_changed { "set" } else { "as it was" };
                format!("{what}: {}\n", self.path)
            },
        )?;
        Ok(Exit::Done)
    }

    fn text(&self) -> Result<Zeroizing<String>, Failure> {
        if let Some(value) = &self.value {
            eprintln!(
                "warning: the value stands in the list of processes and in the history of the shell; leave it out, and it is asked for"
            );
            return Ok(Zeroizing::new(value.clone()));
        }
        if let Some(path) = &self.from {
            return source::text_of(path);
        }
        let mut stdin = io::stdin();
        if stdin.is_terminal() {
            return prompt::hidden(&format!("{}: ", self.path));
        }
        let cannot =
            |error| Failure::new(Exit::Failed, "cannot read standard input").because(error);
        let mut text = source::text(&mut stdin).map_err(cannot)?;
        // As `echo` leaves it; --from - keeps it.
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }
}
