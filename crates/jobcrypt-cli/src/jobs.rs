use clap::Subcommand;

use crate::{exit::Exit, failure::Failure, output::Output};

mod doctor;
mod inspect;
mod interrupt;
mod migrate;
mod status;
pub(crate) mod store_arguments;
mod text_table;
mod unpark;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Count stored jobs by key, and say which keys can be removed
    Status(Box<status::Status>),
    /// Move stored jobs to the key that seals their kind now
    Migrate(Box<migrate::Migrate>),
    /// Show what tokens say of themselves, or reveal one job
    Inspect(Box<inspect::Inspect>),
    /// Look beside sealed jobs for what shows them: guessable unique keys, readable outputs
    Doctor(Box<doctor::Doctor>),
    /// Put parked jobs back once the cause is mended
    Unpark(Box<unpark::Unpark>),
}

impl Command {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        match self {
            Self::Status(command) => command.run(output).await,
            Self::Migrate(command) => command.run(output).await,
            Self::Inspect(command) => command.run(output).await,
            Self::Doctor(command) => command.run(output).await,
            Self::Unpark(command) => command.run(output).await,
        }
    }
}
