use std::{
    env, io,
    process::{Command, ExitStatus, Stdio},
};

/// Says what comes and returns it as a command.
pub(crate) fn announce<T: AsRef<str>>(what: &str, arguments: &[T]) -> Command {
    let arguments = arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>();
    println!("{what:<9} cargo {}", arguments.join(" "));
    let mut command = cargo();
    command.args(arguments);
    command
}

/// Runs the command and returns its exit code.
pub(crate) fn exit_code(command: &mut Command) -> io::Result<u8> {
    command.status().map(code_of)
}

/// Returns cargo at the root of the workspace. Where the kernel can see to it, cargo ends when this
/// process does.
pub(crate) fn cargo() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = if has_setpriv() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--pdeathsig", "TERM"]).arg(cargo);
        setpriv
    } else {
        Command::new(cargo)
    };
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    forget_package(&mut command);
    command
}

/// Takes away what cargo told this program of its package: build scripts look at it, and what stands on them would be built
/// anew for each package that starts cargo.
fn forget_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// Whether there is a `setpriv` that knows `--pdeathsig`.
fn has_setpriv() -> bool {
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A process that ended by a signal has no code of its own.
fn code_of(status: ExitStatus) -> u8 {
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}
