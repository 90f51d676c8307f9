//! The Python that the tests run, and the independent reader and writer in it.

use std::{path::Path, process::Command};

/// A Python that has `cryptography` and `nacl`, and leaves nothing behind in the source tree.
pub(crate) fn python() -> Command {
    let Some(python) = std::env::var_os("JOBCRYPT_TEST_PYTHON") else {
        panic!("JOBCRYPT_TEST_PYTHON is not set: run the tests with `cargo xtask test`");
    };
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// `jobcrypt_format.py`, written from docs/format.md.
pub(crate) fn jobcrypt_format() -> Command {
    let mut command = python();
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/jobcrypt_format.py"));
    command
}
