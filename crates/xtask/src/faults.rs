use std::io;

use crate::test;

/// Runs the faults, which write their page. Returns the exit code of `cargo test`.
pub(crate) fn run() -> io::Result<u8> {
    test::run_writing(&["--package", "jobcrypt-tests", "--test", "faults"])
}
