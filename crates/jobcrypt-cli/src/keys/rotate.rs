use std::{fmt::Write, time::Duration};

use clap::Args;
use jobcrypt::{
    CipherName,
    keys::{KeptReason, Rotated, Rotation, RotationPlan, Usage},
};

use crate::{
    exit::Exit,
    failure::Failure,
    keys::{audited_repository::AuditedRepository, counted_jobs::CountedJobs},
    output::Output,
};

#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    repository: AuditedRepository,

    /// Count the jobs of the database first, while the repository is locked: free keys go to the archive, and
    /// nothing is changed while a job needs a key other than the primary. Jobs of other tables and databases are not counted
    /// unless --and-store names them
    #[arg(long)]
    store: bool,

    /// You have counted: no stored job needs a key other than the primary. Free keys go to the archive
    #[arg(long, conflicts_with = "store")]
    unused: bool,

    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// How long a key stays after it was the primary, such as `2h`
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    grace: Duration,

    /// How long the staged key must have been staged before it becomes the primary, such as `1day`: as long as your nodes
    /// take to get it
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    staged_for: Duration,

    /// How long to wait for another change of the repository to end
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    wait: Duration,

    /// The cipher of the key that is staged now; that of the key before unless given
    #[arg(long)]
    cipher: Option<CipherName>,

    #[command(flatten)]
    jobs: CountedJobs,
}

impl Rotate {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        let repository = self.repository.open()?;
        let rotation = self.adjust(repository.begin_rotation_within(self.wait)?);
        // Under the lock: no other rotation comes in between.
        let usage = self.usage().await?;
        if self.dry_run {
            let plan = rotation.plan(&usage)?;
            output.result(&plan, |plan| format!("would rotate\n{}", planned(plan)))?;
            return Ok(Exit::Done);
        }
        let rotated = rotation.commit(&usage)?;
        output.result(&rotated, text)?;
        Ok(Exit::Done)
    }

    async fn usage(&self) -> Result<Usage, Failure> {
        if self.store {
            let counted = self.jobs.count(None).await?;
            return Ok(Usage::counted(counted.usage(), counted.unattributed()));
        }
        self.jobs.must_not_be_named()?;
        Ok(if self.unused {
            Usage::counted([], 0)
        } else {
            Usage::Unknown
        })
    }

    fn adjust<'r>(&self, rotation: Rotation<'r>) -> Rotation<'r> {
        let rotation = rotation
            .with_grace(self.grace)
            .with_least_age(self.staged_for);
        match self.cipher {
            Some(cipher) => rotation.with_cipher(cipher),
            None => rotation,
        }
    }
}

fn text(rotated: &Rotated) -> String {
    let begin = if rotated.plan.completes {
        "completed the rotation that died before"
    } else {
        "rotated"
    };
    format!(
        "{begin}; generation {}\n{}staged     {}\n\n\
         Bring the repository to every node before the next rotation: the primary's file first.\n",
        rotated.generation,
        planned(&rotated.plan),
        rotated.staged,
    )
}

fn planned(plan: &RotationPlan) -> String {
    let mut text = format!(
        "primary    {}\nsecondary  {} (the primary until now)\n",
        plan.primary, plan.demoted
    );
    for kept in &plan.kept {
        let why = match kept.reason {
            KeptReason::Grace => "kept: it was the primary a moment ago",
            KeptReason::NotCounted => "kept: nobody counted its jobs",
            KeptReason::Unattributed => "kept: jobs that name no key may need it",
            _ => "kept",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "secondary  {} ({why})", kept.id);
    }
    for id in &plan.retired {
        let _ = writeln!(text, "retired    {id} (in the archive)");
    }
    text
}
