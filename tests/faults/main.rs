//! What may go wrong while keys rotate and jobs move, each tried on real files and real databases. A
//! program of its own: `cargo xtask faults` lets it write `docs/faults.md`, and a test run compares.

mod command;
mod connection;
mod disk;
mod fault;
mod jobs;
mod killed_change;
mod lost_key;
mod migration;
mod page;
mod repository;
mod stale_node;
mod two_rotations;

use std::{env, fs, path::Path, process::ExitCode, time::Instant};

use crate::fault::Fault;

const FAULTS: [&[Fault]; 7] = [
    killed_change::FAULTS,
    disk::FAULTS,
    two_rotations::FAULTS,
    lost_key::FAULTS,
    stale_node::FAULTS,
    migration::FAULTS,
    connection::FAULTS,
];

fn main() -> ExitCode {
    for fault in FAULTS.into_iter().flatten() {
        let start = Instant::now();
        (fault.happens)();
        let seconds = start.elapsed().as_secs_f64();
        println!("{seconds:>6.1} s  {}: {}", fault.what, fault.outcome);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    let page = page::of(&FAULTS);
    if env::var_os("JOBCRYPT_WRITE_FAULTS").is_some() {
        fs::write(&path, page).expect("the page can be written");
        return ExitCode::SUCCESS;
    }
    if fs::read_to_string(&path).is_ok_and(|written| written == page) {
        return ExitCode::SUCCESS;
    }
    eprintln!("docs/faults.md says something else: cargo xtask faults");
    ExitCode::FAILURE
}
