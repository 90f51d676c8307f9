use std::io;

use crate::cargo::{announce, exit_code};

/// Runs the benchmarks and returns the exit code of `cargo bench`.
pub(crate) fn run(arguments: &[String]) -> io::Result<u8> {
    let mut all = vec!["bench", "--package", "jobcrypt-bench"];
    all.extend(arguments.iter().map(String::as_str));
    exit_code(&mut announce("bench", &all))
}
