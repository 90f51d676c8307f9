//! The command `jobcrypt`.

mod audit;
mod audit_file;
mod cli;
mod exit;
mod failure;
mod hook_arguments;
mod jobs;
mod keys;
mod output;
mod own_file;
mod plural;
mod self_description;
mod usage;
mod variable_name;
mod vault;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    exit::Exit,
    failure::Failure,
    output::Output,
};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::not_understood(&error),
    };
    let output = Output::new(cli.json);
    let exit = match run(cli.command, &output).await {
        Ok(exit) => exit,
        Err(failure) => {
            output.failure(&failure);
            failure.exit()
        }
    };
    exit.into()
}

async fn run(command: Command, output: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Audit(command) => command.run(output),
        Command::Keys(command) => command.run(output).await,
        Command::Jobs(command) => command.run(output).await,
        Command::Vault(command) => command.run(output).await,
        Command::Completions { shell } => self_description::completions(shell),
        Command::Man => self_description::man(),
    }
}
