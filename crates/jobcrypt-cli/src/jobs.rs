use clap::Subcommand;

use crate::{exit::Exit, failure::Failure, output::Output};

#[derive(Subcommand)]
pub(crate) enum Command {}

impl Command {
    #[allow(clippy::unused_async)]
    pub(crate) async fn run(self, _output: &Output) -> Result<Exit, Failure> {
        match self {}
    }
}
