use std::path::PathBuf;

use clap::Args;
use jobcrypt::{KeyId, keys::KeyRepository};

use crate::{exit::Exit, failure::Failure, keys::status, output::Output};

#[derive(Args)]
pub(crate) struct Restore {
    /// The folder of the repository
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,

    /// The id of the key, as `status` shows it
    #[arg(value_name = "KEY ID", allow_hyphen_values = true)]
    id: KeyId,
}

impl Restore {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let repository = KeyRepository::open(&self.repository)?;
        repository.restore(self.id)?;
        status::print(&repository, output, "the key is back as a secondary")
    }
}
