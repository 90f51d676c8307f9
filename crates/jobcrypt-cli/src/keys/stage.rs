use std::path::PathBuf;

use clap::Args;
use jobcrypt::keys::KeyRepository;

use crate::{exit::Exit, failure::Failure, keys::status, output::Output};

#[derive(Args)]
pub(crate) struct Stage {
    /// The folder of the repository
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,
}

impl Stage {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let repository = KeyRepository::open(&self.repository)?;
        repository.stage()?;
        status::print(&repository, output, "a new key is staged")
    }
}
