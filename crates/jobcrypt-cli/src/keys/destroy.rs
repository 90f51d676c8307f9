use std::time::Duration;

use clap::Args;
use jobcrypt::{KeyId, keys::RepositoryError, store::SafeToRemove};

use crate::{
    exit::Exit,
    failure::Failure,
    keys::{audited_repository::AuditedRepository, counted_jobs::CountedJobs, status},
    output::Output,
};

#[derive(Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    repository: AuditedRepository,

    /// The id of the retired key, as `status` shows it
    #[arg(value_name = "KEY ID", allow_hyphen_values = true)]
    id: KeyId,

    /// Count the jobs of the database first, at a moment in which nobody is writing to them, and destroy nothing that one of
    /// them needs. Jobs of other tables and databases are not counted unless --and-store names them, nor values that an app sealed
    /// within args that were then sealed: `jobcrypt jobs status --verify` finds those
    #[arg(long)]
    store: bool,

    /// How long --store waits for transactions that are writing jobs to end
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration, requires = "store")]
    wait: Duration,

    /// Yes: jobs and backups that need the key can never be read again
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    jobs: CountedJobs,
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
            // Before anybody has to wait for a count.
            let status = repository.status()?;
            if status.tombstones.iter().all(|grave| grave.id != self.id) {
                return Err(RepositoryError::NotRetired { id: self.id }.into());
            }
            self.must_be_unused().await?;
        } else {
            self.jobs.must_not_be_named()?;
        }
        repository.destroy(self.id)?;
        status::print(&repository, output, "the key is destroyed")
    }

    async fn must_be_unused(&self) -> Result<(), Failure> {
        let counted = self.jobs.count(Some(self.wait)).await?;
        let why = match counted.safe_to_remove(self.id) {
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
