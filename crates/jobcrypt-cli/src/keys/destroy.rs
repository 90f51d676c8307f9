use std::path::PathBuf;

use clap::Args;
use jobcrypt::{KeyId, keys::KeyRepository};

use crate::{exit::Exit, failure::Failure, keys::status, output::Output};

#[derive(Args)]
pub(crate) struct Destroy {
    /// The folder of the repository
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,

    /// The id of the retired key, as `status` shows it
    #[arg(value_name = "KEY ID", allow_hyphen_values = true)]
    id: KeyId,

    /// Yes: jobs and backups that need the key can never be read again
    #[arg(long)]
    yes: bool,
}

impl Destroy {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        if !self.yes {
            return Err(Failure::new(
                Exit::Refused,
                "jobs and backups that need the key could never be read again",
            )
            .next_step("add --yes if that is what you want"));
        }
        let repository = KeyRepository::open(&self.repository)?;
        repository.destroy(self.id)?;
        status::print(&repository, output, "the key is destroyed")
    }
}
