use std::io;

use clap::{Args, ValueEnum};

use crate::{
    bench_peers,
    cargo::{announce, exit_code},
};

#[derive(Args)]
pub(crate) struct Bench {
    /// A short run, which writes nothing
    #[arg(long)]
    quick: bool,
    /// Compare with the targets, and fail where one is missed
    #[arg(long)]
    check: bool,
    /// First install what the peers need: those in other languages, or `all`, with Hammerwork
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "usual")]
    peers: Option<Peers>,
    /// Measure how stored jobs are counted and moved, and nothing else
    #[arg(long)]
    stored_jobs: bool,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Peers {
    Usual,
    All,
}

/// Runs the benchmarks and returns their exit code.
pub(crate) fn run(bench: &Bench) -> io::Result<u8> {
    if bench.peers.is_some() {
        bench_peers::install()?;
    }
    if bench.peers == Some(Peers::All) {
        bench_peers::build_hammerwork()?;
    }
    let mut arguments = vec!["run", "--release", "--package", "jobcrypt-bench", "--"];
    arguments.extend(bench.quick.then_some("--quick"));
    arguments.extend(bench.check.then_some("--check"));
    if bench.stored_jobs {
        // What is measured is the command itself, which the benchmark finds beside its own program.
        let build = ["build", "--release", "--package", "jobcrypt-cli"];
        let code = exit_code(&mut announce("build", &build))?;
        if code != 0 {
            return Ok(code);
        }
        arguments.push("--stored-jobs");
    }
    exit_code(&mut announce("bench", &arguments))
}
