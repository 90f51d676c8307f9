use clap::Args;
use jobcrypt::KeyId;

use crate::{
    exit::Exit,
    failure::Failure,
    keys::{audited_repository::AuditedRepository, status},
    output::Output,
};

#[derive(Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    repository: AuditedRepository,

    /// The id of the key, as `status` shows it
    #[arg(value_name = "KEY ID", allow_hyphen_values = true)]
    id: KeyId,
}

impl Restore {
    pub(crate) fn run(self, output: &Output) -> Result<Exit, Failure> {
        let repository = self.repository.open()?;
        repository.restore(self.id)?;
        status::print(&repository, output, "the key is back as a secondary")
    }
}
