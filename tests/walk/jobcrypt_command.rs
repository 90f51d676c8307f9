use std::{path::PathBuf, process::Command, sync::LazyLock};

use serde_json::Value;

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| workbench::program(["--bin", "jobcrypt"]));

/// Runs the command, which must succeed, and returns what it prints as JSON.
pub(crate) fn jobcrypt(url: &str, arguments: &[&str]) -> Value {
    let output = Command::new(&*PROGRAM)
        .arg("--json")
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}
