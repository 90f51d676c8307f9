//! What it costs to count and to move stored jobs: the command `jobcrypt` on River's table on PostgreSQL.

use std::{fmt::Write, fs, io, time::Duration};

use riverqueue::BoxError;
use tokio::runtime::Runtime;

use crate::{
    machine::Machine,
    statistics::median,
    stored_jobs::{
        command::{Command, Done},
        cores::Cores,
        fleet::Fleet,
        stored_table::{PAGE_ARGS, StoredTable},
    },
};

mod command;
mod cores;
mod fleet;
mod locks;
mod stored_table;

/// How much is stored and how long is watched.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) few: usize,
    pub(crate) many: usize,
    pub(crate) beside: usize,
    pub(crate) watched: Duration,
    pub(crate) rounds: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        few: 10_000,
        many: 1_000_000,
        beside: 300_000,
        watched: Duration::from_secs(6),
        rounds: 3,
    };
    pub(crate) const QUICK: Self = Self {
        few: 1_000,
        many: 20_000,
        beside: 20_000,
        watched: Duration::from_millis(500),
        rounds: 1,
    };
}

/// The rate that a careful operator might set, in rows a second.
const RATE: u32 = 1000;
const STATUS_RUNS: usize = 5;

struct Figures {
    status: Vec<f64>,
    few: Done,
    many: Done,
    two: Vec<Done>,
    one_again: Done,
    /// The share of the cores that was busy meanwhile.
    busy_by_two: f64,
    busy_by_one: f64,
    alone: f64,
    /// Jobs a second beside a migration, over those with nothing beside just before.
    share: f64,
    share_at_rate: f64,
}

/// Measures, prints, and where `is_written` writes the page.
pub(crate) fn run(size: Size, is_written: bool) -> io::Result<()> {
    let runtime = Runtime::new()?;
    let figures = runtime.block_on(measure(size)).map_err(io::Error::other)?;
    let page = page(size, &figures, &Machine::look_at()?);
    println!("{page}");
    if is_written {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/benchmarks-stored-jobs.md"
        );
        fs::write(path, page)?;
        println!("wrote     docs/benchmarks-stored-jobs.md");
    }
    Ok(())
}

async fn measure(size: Size) -> Result<Figures, BoxError> {
    let table = StoredTable::new().await?;
    let mut command = Command::new(&table)?;

    table.fill(command.hook(), size.few).await?;
    command.rotate()?;
    let few = command.migrate(&table, &[]).await?;

    table.fill(command.hook(), size.many).await?;
    let mut status = Vec::new();
    for _ in 0..STATUS_RUNS {
        status.push(command.status()?.as_secs_f64());
    }
    command.rotate()?;
    let many = command.migrate(&table, &[]).await?;
    // A table with as much behind it is slower: what two processes do is compared with what one does next to it.
    command.rotate()?;
    let cores = Cores::look_at()?;
    let two = command.migrate_by_two(&table).await?;
    let busy_by_two = cores.busy_since()?;
    command.rotate()?;
    let cores = Cores::look_at()?;
    let one_again = command.migrate(&table, &[]).await?;
    let busy_by_one = cores.busy_since()?;

    table.fill(command.hook(), size.beside).await?;
    let fleet = Fleet::start(&table, command.hook()).await?;
    let (mut alone, mut shares, mut shares_at_rate) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        for (shares, options) in [
            (&mut shares, &[][..]),
            (
                &mut shares_at_rate,
                &["--rate".to_owned(), RATE.to_string()],
            ),
        ] {
            let before = fleet.rate_for(size.watched).await?;
            command.rotate()?;
            let child = command.begin_migration(options)?;
            table.until_jobs_move_to(command.primary()).await?;
            shares.push(fleet.rate_for(size.watched).await? / before);
            // Workers are what is watched; a migration that was over before them would be none.
            child.must_be_running_and_stop().await?;
            alone.push(before);
        }
    }
    fleet.stop().await?;
    let of = |rates| median(rates).ok_or("no round was measured");
    Ok(Figures {
        status,
        few,
        many,
        two,
        one_again,
        busy_by_two,
        busy_by_one,
        alone: of(alone)?,
        share: of(shares)?,
        share_at_rate: of(shares_at_rate)?,
    })
}

#[allow(clippy::cast_precision_loss, reason = "millions of rows")]
fn page(size: Size, figures: &Figures, machine: &Machine) -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut line = |what: &str, figure: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {what} | {figure} |");
    };
    line("date", machine.date.clone());
    line("commit", machine.commit.clone());
    line("processor", machine.processor.clone());
    line("system", machine.system.clone());
    line(
        "rows, args",
        format!("{}, {PAGE_ARGS} bytes before they are sealed", size.many),
    );
    let seconds = |seconds: f64| format!("{seconds:.2} s");
    let status = median(figures.status.iter().copied()).unwrap_or_default();
    line("`status`, median of 5", seconds(status));
    let moved = |done: &Done| {
        format!(
            "{:.0} rows/s, {:.1} s",
            done.rows as f64 / done.elapsed.as_secs_f64(),
            done.elapsed.as_secs_f64()
        )
    };
    line("`migrate`", moved(&figures.many));
    let memory = |done: &Done| format!("{} MiB", done.peak_memory / 1024 / 1024);
    line(
        "its memory at its peak",
        format!(
            "{}; {} at {} rows",
            memory(&figures.many),
            memory(&figures.few),
            size.few
        ),
    );
    let lock = figures.many.longest_lock.as_secs_f64() * 1e3;
    line("rows locked at most for", format!("{lock:.0} ms"));
    let slower = figures
        .two
        .iter()
        .map(|done| done.elapsed)
        .max()
        .unwrap_or_default();
    let ratio = figures.one_again.elapsed.as_secs_f64() / slower.as_secs_f64();
    line(
        "two processes",
        format!(
            "{:.1} s, one after them {:.1} s: {ratio:.2} times as fast; {:.0} % and {:.0} % of the cores were busy",
            slower.as_secs_f64(),
            figures.one_again.elapsed.as_secs_f64(),
            figures.busy_by_two * 100.0,
            figures.busy_by_one * 100.0
        ),
    );
    line(
        "jobs worked, nothing beside",
        format!("{:.0}/s", figures.alone),
    );
    line(
        "jobs worked beside `migrate`",
        format!("{:.2} of that", figures.share),
    );
    line(
        &format!("jobs worked beside `migrate --rate {RATE}`"),
        format!("{:.2} of that", figures.share_at_rate),
    );
    text
}

const INTRODUCTION: &str = "\
# How fast stored jobs are counted and moved

The command `jobcrypt` on River's table on PostgreSQL, measured by

```text
cargo xtask bench --stored-jobs
```

The server is a throwaway one on the same machine, which need not survive a crash (`fsync` is off): on a disk that is
waited for, the database takes more of the time. Rows are locked from the reading of a page to its end; a sample every
millisecond looks how long. The workers are a River client that works jobs of another kind with the plugin, as fast as
it can, while nothing goes on beside, and then a migration, from the moment when its first job has moved. The cores are
all that the server, the workers and the migration have, so what the migration takes of them the workers have not.

| | |
|---|---|
";
