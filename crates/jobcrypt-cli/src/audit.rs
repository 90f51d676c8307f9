use clap::Subcommand;

use crate::{exit::Exit, failure::Failure, output::Output};

mod verify;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Follow the chains of an audit log: is it as it was written, and all there?
    Verify(verify::Verify),
}

impl Command {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        match self {
            Self::Verify(command) => command.run(output),
        }
    }
}
