use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use jobcrypt::vault::{AuditAction, Segment, Value, ValuePath, VaultError};
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

    /// The path of the value, such as database.password
    #[arg(value_parser = path_to_set)]
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
            let text = prompt::hidden(&format!("{}: ", self.path))?;
            return not_empty(text, "nothing was typed, and nothing is changed");
        }
        let cannot =
            |error| Failure::new(Exit::Failed, "cannot read standard input").because(error);
        let mut text = source::text(&mut stdin).map_err(cannot)?;
        // As `echo` leaves it, also that of Windows; --from - keeps it.
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        not_empty(text, "nothing is on standard input, and nothing is changed")
    }
}

/// What fails in front of a pipe leaves nothing in it, and that is no value to replace a good one by.
fn not_empty(text: Zeroizing<String>, message: &str) -> Result<Zeroizing<String>, Failure> {
    if !text.is_empty() {
        return Ok(text);
    }
    Err(Failure::new(Exit::Refused, message)
        .next_step("if the value is to be empty, say so with --from /dev/null"))
}

/// Reads a path. A value that someone puts behind `=`, as with other commands, would become a name, and names are readable.
fn path_to_set(text: &str) -> Result<ValuePath, VaultError> {
    let path: ValuePath = text.parse()?;
    let has_sign = |segment: &Segment| matches!(segment, Segment::Name(name) if name.contains('='));
    if !text.contains("[\"") && path.segments().iter().any(has_sign) {
        return Err(VaultError::BadPath {
            path: path.to_string(),
            why: "the value does not stand behind it with =; a name that holds one is written [\"a=b\"]",
        });
    }
    Ok(path)
}
