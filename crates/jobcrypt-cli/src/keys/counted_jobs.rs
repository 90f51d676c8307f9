use std::time::Duration;

use clap::{Args, Parser};
use jobcrypt::{
    KeyId,
    store::{SafeToRemove, Status},
};

use crate::{
    exit::Exit,
    failure::Failure,
    jobs::store_arguments::{self, StoreArguments},
};

/// The jobs that are counted before a key goes.
#[derive(Args)]
pub(crate) struct CountedJobs {
    #[command(flatten)]
    place: Place,

    /// More jobs under the same keys, to count them too: the options of another place in one argument, such as
    /// '--database-from OTHER_URL --table apalis.jobs --args-column job'; may be repeated
    #[arg(
        long,
        value_name = "OPTIONS",
        requires = "store",
        allow_hyphen_values = true
    )]
    and_store: Vec<String>,
}

/// Where jobs are, and under which marker.
#[derive(Args)]
struct Place {
    #[command(flatten)]
    jobs: StoreArguments,

    /// The marker that producers and workers set [default: river_encrypt]
    #[arg(long)]
    marker: Option<String>,
}

/// A place that has an argument to itself.
#[derive(Parser)]
#[command(name = "--and-store", no_binary_name = true, disable_help_flag = true)]
struct AnotherPlace {
    #[command(flatten)]
    place: Place,
}

/// What was counted, in each place.
pub(crate) struct Counted(Vec<Status>);

impl CountedJobs {
    /// Counts them, where that shows all: at a moment in which nobody is writing, if there is patience to wait for one.
    pub(crate) async fn count(&self, patience: Option<Duration>) -> Result<Counted, Failure> {
        let mut counted = vec![self.place.count(patience).await?];
        for options in &self.and_store {
            counted.push(another_place(options)?.count(patience).await?);
        }
        Ok(Counted(counted))
    }

    /// Refuses a table that is named and would not be counted.
    pub(crate) fn must_not_be_named(&self) -> Result<(), Failure> {
        if !self.place.jobs.is_named() && self.place.marker.is_none() {
            return Ok(());
        }
        let failure = Failure::new(
            Exit::Refused,
            "the jobs that are described would not be counted",
        );
        Err(failure.next_step("add --store"))
    }
}

impl Place {
    async fn count(&self, patience: Option<Duration>) -> Result<Status, Failure> {
        let marker = self.marker.as_deref().unwrap_or("river_encrypt");
        let store = self.jobs.store_under(marker).await?;
        let counted = match patience {
            Some(patience) => store.status_between_writes(patience).await,
            None => store.status().await,
        };
        let counted = counted.map_err(store_arguments::failure)?;
        if counted.is_of_replica() {
            let failure = Failure::new(
                Exit::Refused,
                "this database is a replica, and may be behind",
            );
            return Err(failure.next_step("count in the database that is written"));
        }
        Ok(counted)
    }
}

impl Counted {
    /// How many tokens name each key.
    pub(crate) fn usage(&self) -> impl Iterator<Item = (KeyId, u64)> {
        self.0.iter().flat_map(Status::usage)
    }

    /// How many jobs need a key and do not say which.
    pub(crate) fn unattributed(&self) -> u64 {
        self.0.iter().map(Status::unattributed).sum()
    }

    /// Whether a key can be removed as far as all these jobs go.
    pub(crate) fn safe_to_remove(&self, key: KeyId) -> SafeToRemove {
        let needed: u64 = self.usage().filter(|it| it.0 == key).map(|it| it.1).sum();
        match (needed, self.unattributed()) {
            (0, 0) => SafeToRemove::Yes,
            (0, may) => SafeToRemove::MayBeNeeded(may),
            (needed, _) => SafeToRemove::StillNeeded(needed),
        }
    }
}

fn another_place(options: &str) -> Result<Place, Failure> {
    let not_understood = |why: &str| {
        let why = why.strip_prefix("error: ").unwrap_or(why);
        let message = format!("--and-store: {}", why.trim());
        Failure::new(Exit::Usage, message)
            .next_step("give the options that describe a place of jobs, all in one argument")
    };
    let words = shlex::split(options).ok_or_else(|| not_understood("a quote is not closed"))?;
    match AnotherPlace::try_parse_from(words) {
        Ok(another) => Ok(another.place),
        Err(error) => {
            let text = error.render().to_string();
            Err(not_understood(text.lines().next().unwrap_or_default()))
        }
    }
}
