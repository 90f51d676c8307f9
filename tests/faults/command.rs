use std::{
    ffi::OsStr,
    fmt::Debug,
    path::PathBuf,
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| workbench::program(["--bin", "jobcrypt"]));

/// What a run of the command came to.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) printed: Value,
    pub(crate) errors: String,
}

/// Returns the command, ready to be started.
pub(crate) fn command(arguments: &[impl AsRef<OsStr> + Debug]) -> Command {
    let mut command = Command::new(&*PROGRAM);
    command.arg("--json").args(arguments);
    command
}

/// Runs the command.
pub(crate) fn run(arguments: &[impl AsRef<OsStr> + Debug]) -> Ended {
    Ended::from(command(arguments).output().expect("the program starts"))
}

/// Runs the command, which must succeed.
pub(crate) fn succeed(arguments: &[impl AsRef<OsStr> + Debug]) -> Value {
    let ended = run(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.errors);
    ended.printed
}

/// Returns the command under `strace`, which kills it when it makes this system call the `nth` time.
pub(crate) fn killed_at(syscall: &str, nth: u32, arguments: &[impl AsRef<OsStr> + Debug]) -> Ended {
    let mut strace = Command::new("strace");
    strace.args(["--quiet=all", "--output=/dev/null"]);
    strace.arg(format!("--trace={syscall}"));
    strace.arg(format!("--inject={syscall}:signal=KILL:when={nth}"));
    strace.arg(&*PROGRAM).arg("--json").args(arguments);
    let ended = strace.output().expect("strace starts: cargo xtask test");
    Ended::from(ended)
}

/// Runs a script of the shell with mounts of its own, in which `"$@"` is the command and `$FOLDER` a folder.
pub(crate) fn run_in_own_mounts(
    script: &str,
    folder: &str,
    arguments: &[impl AsRef<OsStr> + Debug],
) -> Ended {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount"]);
    unshare.args(["sh", "-e", "-c", script, "sh"]);
    unshare.arg(&*PROGRAM).arg("--json").args(arguments);
    unshare.env("FOLDER", folder);
    Ended::from(unshare.output().expect("unshare starts"))
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            printed: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
