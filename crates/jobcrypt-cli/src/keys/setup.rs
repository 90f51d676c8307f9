use std::path::PathBuf;

use clap::Args;
use jobcrypt::{
    CipherName,
    keys::{KeyRepository, RepositoryError},
};

use crate::{exit::Exit, failure::Failure, keys::status, output::Output};

#[derive(Args)]
pub(crate) struct Setup {
    /// The folder, which is made; the one around it must be there
    #[arg(value_name = "FOLDER")]
    repository: PathBuf,

    /// The cipher that will use the keys
    #[arg(long, default_value = "xchacha20poly1305", conflicts_with = "keystone")]
    cipher: CipherName,

    /// Lay the files out as Keystone does: Fernet keys in files named by number
    #[arg(long)]
    keystone: bool,
}

impl Setup {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let made = if self.keystone {
            KeyRepository::setup_keystone(&self.repository)
        } else {
            KeyRepository::setup(&self.repository, self.cipher)
        };
        match made {
            Ok(repository) => status::print(&repository, output, "set up"),
            // As Keystone has it: what a deployment runs each time must not fail the second time.
            Err(RepositoryError::AlreadySetUp { .. }) => {
                let repository = KeyRepository::open(&self.repository)?;
                status::print(&repository, output, "set up already; nothing was changed")
            }
            Err(error) => Err(error.into()),
        }
    }
}
