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

/// Variables of the command.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// Runs the command.
pub(crate) fn run(arguments: &[impl AsRef<OsStr> + Debug]) -> Ended {
    run_in(&Environment::new(), arguments)
}

/// Runs the command with these variables.
pub(crate) fn run_in(environment: &Environment, arguments: &[impl AsRef<OsStr> + Debug]) -> Ended {
    let ended = command_in(environment, arguments).output();
    Ended::from(ended.expect("the program starts"))
}

/// Runs the command, which must succeed.
pub(crate) fn succeed(arguments: &[impl AsRef<OsStr> + Debug]) -> Value {
    let ended = run(arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.errors);
    ended.printed
}

/// Returns the command, ready to be started.
pub(crate) fn command_in(
    environment: &Environment,
    arguments: &[impl AsRef<OsStr> + Debug],
) -> Command {
    let mut command = Command::new(&*PROGRAM);
    command.arg("--json").args(arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs the command under `strace`, which kills it when it makes this system call the `nth` time.
pub(crate) fn killed_at(syscall: &str, nth: u32, arguments: &[impl AsRef<OsStr> + Debug]) -> Ended {
    killed_at_in(&Environment::new(), syscall, nth, arguments)
}

/// The same, with these variables.
pub(crate) fn killed_at_in(
    environment: &Environment,
    syscall: &str,
    nth: u32,
    arguments: &[impl AsRef<OsStr> + Debug],
) -> Ended {
    let mut strace = Command::new("strace");
    strace.args(["--quiet=all", "--output=/dev/null", "--follow-forks"]);
    strace.arg(format!("--trace={syscall}"));
    strace.arg(format!("--inject={syscall}:signal=KILL:when={nth}"));
    strace.arg(&*PROGRAM).arg("--json").args(arguments);
    strace.envs(environment.iter().map(|(name, value)| (name, value)));
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
