//! The project's own commands: `cargo xtask test | ci | bench | faults | fips | fuzz | queues`.

#[cfg(not(unix))]
compile_error!(
    "the project's own commands run on Linux, macOS and their like; on Windows, use WSL"
);

mod bench;
mod bench_peers;
mod cargo;
mod ci;
mod faults;
mod feature_checks;
mod fips;
mod fuzz;
mod queues;
mod queues_page;
mod requirements;
mod test;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Xtask {
    /// Run all tests, with a PostgreSQL server of their own
    Test {
        /// Passed on to `cargo test`, for example `-- --package jobcrypt-river`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check format, lints, docs and every feature alone, then run all tests
    Ci,
    /// Measure jobcrypt beside others; a full run writes docs/benchmarks.md
    Bench(bench::Bench),
    /// Let everything go wrong that the tests know, and write docs/faults.md; on Linux
    Faults,
    /// Test AES-256-GCM inside a FIPS 140-3 module
    Fips,
    /// Look for bytes that break what must hold for all of them; on Linux
    Fuzz(fuzz::Fuzz),
    /// Ask every queue what it does with sealed jobs, and write docs/queues.md
    Queues,
}

fn main() -> ExitCode {
    let code = match Xtask::parse() {
        Xtask::Test { arguments } => test::run(&arguments),
        Xtask::Ci => ci::run(),
        Xtask::Bench(bench) => bench::run(&bench),
        Xtask::Faults => faults::run(),
        Xtask::Fips => fips::run(),
        Xtask::Fuzz(fuzz) => fuzz::run(&fuzz),
        Xtask::Queues => queues::run(),
    };
    code.map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::FAILURE
        },
        ExitCode::from,
    )
}
