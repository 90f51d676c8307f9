use std::io;

use clap::Args;

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
    /// First install what the other languages need
    #[arg(long)]
    peers: bool,
}

/// Runs the benchmarks and returns their exit code.
pub(crate) fn run(bench: &Bench) -> io::Result<u8> {
    if bench.peers {
        bench_peers::install()?;
    }
    let mut arguments = vec!["run", "--release", "--package", "jobcrypt-bench", "--"];
    arguments.extend(bench.quick.then_some("--quick"));
    arguments.extend(bench.check.then_some("--check"));
    exit_code(&mut announce("bench", &arguments))
}
