use clap::Args;
use jobcrypt::store::Status;

use crate::{
    exit::Exit,
    failure::Failure,
    jobs::store_arguments::{self, StoreArguments},
};

/// The jobs that are counted before a key goes.
#[derive(Args)]
pub(crate) struct CountedJobs {
    #[command(flatten)]
    jobs: StoreArguments,

    /// The marker that producers and workers set
    #[arg(long, default_value = "river_encrypt", requires = "store")]
    marker: String,
}

impl CountedJobs {
    /// Counts them, where that shows all.
    pub(crate) async fn count(&self) -> Result<Status, Failure> {
        let store = self.jobs.store_under(&self.marker).await?;
        let counted = store.status().await.map_err(store_arguments::failure)?;
        if counted.is_of_replica() {
            let failure = Failure::new(
                Exit::Refused,
                "this database is a replica, and may be behind",
            );
            return Err(failure.next_step("count in the database that is written"));
        }
        Ok(counted)
    }

    /// Refuses a table that is named and would not be counted.
    pub(crate) fn must_not_be_named(&self) -> Result<(), Failure> {
        if !self.jobs.is_named() {
            return Ok(());
        }
        let failure = Failure::new(Exit::Refused, "the jobs of that table would not be counted");
        Err(failure.next_step("add --store"))
    }
}
