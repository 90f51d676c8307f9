use clap::Args;
use jobcrypt::{KeyId, store::SafeToRemove};

use crate::{
    exit::Exit,
    failure::Failure,
    jobs::store_arguments::{self, StoreArguments},
    keys::{audited_repository::AuditedRepository, status},
    output::Output,
};

#[derive(Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    repository: AuditedRepository,

    /// The id of the retired key, as `status` shows it
    #[arg(value_name = "KEY ID", allow_hyphen_values = true)]
    id: KeyId,

    /// Count the jobs of the database first, and destroy nothing that one of them needs
    #[arg(long)]
    store: bool,

    #[command(flatten)]
    jobs: StoreArguments,

    /// Yes: jobs and backups that need the key can never be read again
    #[arg(long)]
    yes: bool,
}

impl Destroy {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        if !self.yes {
            return Err(Failure::new(
                Exit::Refused,
                "jobs and backups that need the key could never be read again",
            )
            .next_step(
                "add --store to have the jobs counted, and --yes if that is what you want",
            ));
        }
        let repository = self.repository.open()?;
        if self.store {
            self.must_be_unused().await?;
        }
        repository.destroy(self.id)?;
        status::print(&repository, output, "the key is destroyed")
    }

    async fn must_be_unused(&self) -> Result<(), Failure> {
        let store = self.jobs.store().await?;
        let counted = store.status().await.map_err(store_arguments::failure)?;
        let why = match counted.safe_to_remove(self.id, None) {
            SafeToRemove::Yes => return Ok(()),
            SafeToRemove::StillNeeded(tokens) => format!("tokens that need the key: {tokens}"),
            SafeToRemove::MayBeNeeded(jobs) => {
                format!("jobs that name no key, and may need it: {jobs}")
            }
            _ => "jobs may need the key".to_owned(),
        };
        let next_step = "`jobcrypt keys restore`, and then `jobcrypt jobs migrate`";
        Err(Failure::new(Exit::Refused, why).next_step(next_step))
    }
}
