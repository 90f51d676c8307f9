use clap::Subcommand;

use crate::{exit::Exit, failure::Failure, output::Output};

mod generate;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print a new key
    Generate(generate::Generate),
}

impl Command {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        match self {
            Self::Generate(command) => command.run(output),
        }
    }
}
