use clap::Subcommand;

use crate::{exit::Exit, failure::Failure, output::Output};

mod advice;
mod beside;
mod create;
mod diff;
mod edit;
mod environment_arguments;
mod exec;
mod export;
mod get;
mod key_arguments;
mod key_file;
mod list;
mod merge;
mod prompt;
mod refusal;
mod rotate;
mod set;
mod source;
mod textconv;
mod unset;
mod vault_arguments;
mod verify;

pub(crate) use advice::of as advice;

#[derive(Subcommand)]
#[command(after_help = AFTER_HELP)]
pub(crate) enum Command {
    /// Create a vault; a file that is there is never overwritten
    Create(create::Create),
    /// Print one value, or all below a path
    Get(get::Get),
    /// Set a value: from standard input, a prompt or a file
    Set(set::Set),
    /// Take a value away, or all below a path
    Unset(unset::Unset),
    /// Print the paths of values, and no value
    List(list::List),
    /// Change values in an editor
    Edit(edit::Edit),
    /// Say which values differ between two vaults
    Diff(diff::Diff),
    /// Run a command that has the values as variables
    Exec(exec::Exec),
    /// Print values as variables for a shell, a CI system or a program
    Export(export::Export),
    /// Seal all values with the newest key
    Rotate(rotate::Rotate),
    /// Open every value, and show none
    Verify(verify::Verify),
    /// Merge two versions by their values: a merge driver for git
    Merge(merge::Merge),
    /// Print paths and values, so that git can show differences
    Textconv(textconv::Textconv),
}

const AFTER_HELP: &str = "\
To begin:
  umask 077
  jobcrypt keys generate > vault.key              (and keep vault.key out of git)
  export JOBCRYPT_KEYS_FILE=$PWD/vault.key
  jobcrypt vault create credentials.vault
  jobcrypt vault set credentials.vault database.password
  jobcrypt vault exec credentials.vault -- ./deploy

Keys come from --keys-from or --keys-in. Without them, from JOBCRYPT_KEYS, or the file that JOBCRYPT_KEYS_FILE names; where \
neither is set, from MASTER_KEY, as Fernet keys. Several keys are separated by commas, the newest first.

A path is database.password, hosts[0], or [\"a.b\"].key where a name has a dot in it.

Exit codes, besides those of `jobcrypt --help`: 20 a key is missing, 21 a key is malformed, 22 the keys are not the vault's, \
23 the file is damaged or another vault, 24 there is no such path, 25 two values have one name, or one that cannot be used, \
26 the file is there already, 27 conflict, 28 nothing was changed (edit). `exec` ends as its command does; 126 it could not be run, \
127 it was not found.";

impl Command {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        match self {
            Self::Create(command) => command.run(output),
            Self::Get(command) => command.run(output),
            Self::Set(command) => command.run(output),
            Self::Unset(command) => command.run(output),
            Self::List(command) => command.run(output),
            Self::Edit(command) => command.run(output).await,
            Self::Diff(command) => command.run(output),
            Self::Exec(command) => command.run(),
            Self::Export(command) => command.run(output),
            Self::Rotate(command) => command.run(output),
            Self::Verify(command) => command.run(output),
            Self::Merge(command) => command.run(output),
            Self::Textconv(command) => command.run(),
        }
    }
}
