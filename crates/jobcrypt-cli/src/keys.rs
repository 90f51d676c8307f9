use clap::Subcommand;

use crate::{exit::Exit, failure::Failure, output::Output};

mod audited_repository;
mod counted_jobs;
mod destroy;
mod doctor;
mod export;
mod generate;
mod import;
mod refusal;
mod restore;
mod rotate;
mod setup;
mod stage;
mod status;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print a new key
    Generate(generate::Generate),
    /// Make a key repository: a folder with a primary and a staged key
    Setup(setup::Setup),
    /// Make the staged key the primary, and stage a new one
    Rotate(Box<rotate::Rotate>),
    /// Show the keys of a repository
    Status(status::Status),
    /// Look for all that is wrong with a repository
    Doctor(doctor::Doctor),
    /// Write all keys in use into one file, to bring them to another node
    Export(export::Export),
    /// Make a repository the one that such a file holds
    Import(import::Import),
    /// Bring a retired key back, so that its jobs can be read
    Restore(restore::Restore),
    /// Remove a retired key for ever
    Destroy(Box<destroy::Destroy>),
    /// Stage a new key where none is staged: a repair
    Stage(stage::Stage),
}

impl Command {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        match self {
            Self::Generate(command) => command.run(output),
            Self::Setup(command) => command.run(output),
            Self::Rotate(command) => command.run(output).await,
            Self::Status(command) => command.run(output),
            Self::Doctor(command) => command.run(output),
            Self::Export(command) => command.run(output),
            Self::Import(command) => command.run(output),
            Self::Restore(command) => command.run(output),
            Self::Destroy(command) => command.run(output).await,
            Self::Stage(command) => command.run(output),
        }
    }
}
