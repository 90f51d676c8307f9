//! Encrypted jobs on River, from the first job to the last, on SQLite or PostgreSQL.
//!
//! ```sh
//! cargo run --example quickstart                          # SQLite, nothing to configure
//! cargo run --example quickstart -- --db jobs.sqlite3     # keeps the database
//! cargo run --example quickstart -- --postgres postgres://localhost/mydb   # in its own schema
//! ```
//!
//! [`story`] is the part to read: keys, hook, rotation, decrypt-only. [`queue`] installs the hook on
//! a River client. The rest checks that everything printed is so; otherwise the exit code is 1.

mod command_line;
mod database;
mod ensure;
mod job_file;
mod kinds;
mod ledger;
mod postgres;
mod queue;
mod secrets;
mod show;
mod sqlite;
mod stage;
mod story;
mod tally;
mod witness;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use riverqueue::BoxError;
use tokio::time::timeout;

use crate::{
    command_line::CommandLine, database::Database, ensure::ensure, job_file::FileJob,
    secrets::Secrets,
};

/// A run takes seconds; one that hangs must end too.
const LIMIT: Duration = Duration::from_mins(2);

#[tokio::main]
async fn main() -> ExitCode {
    match run(CommandLine::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show::failure(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn run(options: CommandLine) -> Result<(), BoxError> {
    let begin = Instant::now();
    let jobs = job_file::read()?;
    let database = within_limit(Database::create(options)).await?;
    show::title(database.name(), &jobs);

    let told = tokio::select! {
        told = within_limit(story::tell(&database, &jobs)) => told,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    // In any case: a schema on a server does not go away by itself.
    let closed = within_limit(database.close()).await;
    let result = told
        .and(closed)
        .and_then(|stored| look_for_secrets(&stored, &jobs));

    if result.is_ok() {
        show::done(begin.elapsed());
    }
    if let Some(place) = database.kept() {
        show::kept(place);
    }
    result
}

async fn within_limit<T>(step: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    timeout(LIMIT, step)
        .await
        .unwrap_or_else(|_| Err(format!("not done after {} seconds", LIMIT.as_secs()).into()))
}

fn look_for_secrets(stored: &[u8], jobs: &[FileJob]) -> Result<(), BoxError> {
    show::act(4, "Look for the secrets in what is stored");
    let (readable, sealed): (Vec<_>, Vec<_>) =
        jobs.iter().partition(|job| job.kind == kinds::READABLE);
    let sealed = Secrets::of(sealed.iter().map(|job| &*job.args))?;
    let readable = Secrets::of(readable.iter().map(|job| &*job.args))?;

    let found = sealed.found_in(stored);
    ensure(found == 0, || {
        format!("{found} values of sealed args are in the database")
    })?;
    show::holds(format_args!(
        "none of the {} values of sealed args (8 bytes or more) is in its {} KiB",
        sealed.len(),
        stored.len() / 1024
    ));
    // Proves that the search finds what is there.
    let found = readable.found_in(stored);
    ensure(found == readable.len(), || {
        format!(
            "{found} of {} values of readable args were found",
            readable.len()
        )
    })?;
    show::holds(format_args!(
        "the {found} values of readable args are, so the search works"
    ));
    Ok(())
}
