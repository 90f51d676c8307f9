use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::{audit, jobs, keys, vault};

/// Looks after the keys of encrypted background jobs, and after the jobs that are stored under them.
#[derive(Parser)]
#[command(name = "jobcrypt", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Where keys rest: set up, rotate, look after
    #[command(subcommand)]
    Keys(keys::Command),
    /// Audit logs: find out whether one is as it was written
    #[command(subcommand)]
    Audit(audit::Command),
    /// Stored jobs: count by key, move to the new key, look at, put back
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// Credentials in an encrypted file: create, get, set, edit, exec, export, rotate, merge
    #[command(subcommand)]
    Vault(vault::Command),
    /// Print completions for a shell
    Completions { shell: Shell },
    /// Print the manual page
    Man,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 not understood, 3 refused, 4 there is something to look at, \
5 keys cannot be used, 6 database cannot be used, 7 locked, 20 to 28 see `jobcrypt vault --help`, 130 interrupted.";
