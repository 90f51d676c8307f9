use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use crate::{
    candidate::{Candidate, Name},
    numbers,
    results::Results,
    task::{Operation, SIZES, Task},
};

/// How long a run takes.
#[derive(Clone, Copy)]
pub(crate) struct Length {
    pub(crate) rounds: usize,
    /// Of one candidate at one task in one round.
    pub(crate) turn: Duration,
    /// Through River, with and without the plugin.
    pub(crate) throughput_rounds: usize,
    /// In one such round; hundreds.
    pub(crate) throughput_jobs: usize,
}

impl Length {
    pub(crate) const FULL: Self = Self {
        rounds: 15,
        turn: Duration::from_millis(20),
        throughput_rounds: 15,
        throughput_jobs: 5000,
    };
    pub(crate) const QUICK: Self = Self {
        rounds: 5,
        turn: Duration::from_millis(4),
        throughput_rounds: 3,
        throughput_jobs: 1000,
    };
}

/// Measures every candidate at every task. In each round each has its turn, one after the other.
pub(crate) fn measure_all(
    mut candidates: Vec<Box<dyn Candidate>>,
    length: Length,
) -> io::Result<Results> {
    let mut results = Results::default();
    for candidate in &candidates {
        if let Some((who, version)) = candidate.version() {
            results.set_version(who, version);
        }
    }
    for size in SIZES {
        // The first round warms up, just-in-time compilers above all, and does not count.
        measure_round(&mut candidates, size, length.turn)?;
        for round in 1..=length.rounds {
            let (size_now, rounds) = (numbers::size(size), length.rounds);
            show_progress(&format!("{size_now}, round {round} of {rounds}"));
            for (name, task, nanoseconds) in measure_round(&mut candidates, size, length.turn)? {
                results.add(name, task, nanoseconds);
            }
        }
    }
    show_progress("");
    Ok(results)
}

fn measure_round(
    candidates: &mut [Box<dyn Candidate>],
    size: usize,
    turn: Duration,
) -> io::Result<Vec<(Name, Task, f64)>> {
    let mut times = Vec::new();
    for group in Operation::GROUPS {
        for candidate in &mut *candidates {
            for name in candidate.names() {
                for operation in group.iter().copied() {
                    if operation.is_measured_at(size) && candidate.does(operation) {
                        let task = Task { operation, size };
                        times.push((name, task, candidate.measure(name, task, turn)?));
                    }
                }
            }
        }
    }
    Ok(times)
}

/// Shows a line that the next one replaces, to a person only.
fn show_progress(text: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K{text}");
        let _ = stderr.flush();
    }
}
