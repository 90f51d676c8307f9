//! Measures jobcrypt beside other ways to encrypt the args of jobs, all in one run: `cargo xtask
//! bench`. A full run writes `docs/benchmarks.md` and its plots.

mod arithmetic;
mod candidate;
mod cipher;
mod comparison;
mod limit;
mod machine;
mod naive;
mod numbers;
mod ours;
mod peer;
mod peers;
mod plot;
mod report;
mod results;
mod river_database;
mod rounds;
mod statistics;
mod stored_jobs;
mod table;
mod targets;
mod task;
mod threads;
mod throughput;
mod timing;

use std::{io, process::ExitCode};

use clap::Parser;

use crate::{
    arithmetic::Arithmetic, candidate::Candidate, cipher::CIPHERS, limit::Limit, machine::Machine,
    naive::NAIVE, ours::Ours, peers::Peers, report::Report, rounds::Length, stored_jobs::Size,
};

/// Measures jobcrypt beside other ways to encrypt the args of jobs
#[derive(Parser)]
struct Arguments {
    /// A short run, which writes nothing
    #[arg(long)]
    quick: bool,
    /// Compare with the targets, and fail where one is missed
    #[arg(long)]
    check: bool,
    /// Measure how stored jobs are counted and moved, and nothing else
    #[arg(long)]
    stored_jobs: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether the targets are met, or were not asked about.
fn run(arguments: &Arguments) -> io::Result<bool> {
    if cfg!(debug_assertions) {
        return Err(io::Error::other(
            "a debug build has no speed to speak of: cargo xtask bench",
        ));
    }
    if arguments.stored_jobs {
        let size = if arguments.quick {
            Size::QUICK
        } else {
            Size::FULL
        };
        stored_jobs::run(size, !arguments.quick)?;
        return Ok(true);
    }
    let peers = Peers::find()?;
    let mut left_out = peers.left_out.clone();
    for line in &left_out {
        println!("left out  {line}");
    }
    let length = if arguments.quick {
        Length::QUICK
    } else {
        Length::FULL
    };
    let mut results = rounds::measure_all(candidates(peers)?, length)?;
    results.set_throughputs(throughput::measure(length, &mut left_out)?);
    let report = Report::new(Machine::look_at()?, left_out, length, &results);
    println!("{}", report.text());
    if !arguments.quick {
        for path in report.write()? {
            println!("wrote     {path}");
        }
    }
    if !arguments.check {
        return Ok(true);
    }
    let missed = targets::missed(&results);
    for line in &missed {
        println!("missed    {line}");
    }
    if missed.is_empty() {
        println!("targets   all met");
    }
    Ok(missed.is_empty())
}

/// Every peer stands between candidates of ours, so that what disturbs the machine hits both.
fn candidates(peers: Peers) -> io::Result<Vec<Box<dyn Candidate>>> {
    let mut peers = peers.programs.into_iter();
    let mut all: Vec<Box<dyn Candidate>> = Vec::new();
    for cipher in &CIPHERS {
        all.push(Box::new(Ours::new(cipher)));
        all.push(Box::new(Limit::new(cipher)));
        all.extend(
            peers
                .next()
                .map(|peer| Box::new(peer) as Box<dyn Candidate>),
        );
    }
    all.extend(peers.map(|peer| Box::new(peer) as Box<dyn Candidate>));
    for naive in &NAIVE {
        all.push(Box::new(naive.candidate()?));
    }
    all.push(Box::new(Arithmetic));
    Ok(all)
}
