use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use jobcrypt::vault::{AuditAction, Environment};

use crate::{
    exit::Exit,
    failure::Failure,
    output,
    vault::{environment_arguments::EnvironmentArguments, export, vault_arguments::VaultArguments},
};

#[derive(Args)]
pub(crate) struct Exec {
    #[command(flatten)]
    vault: VaultArguments,

    #[command(flatten)]
    environment: EnvironmentArguments,

    /// Give the command the values only, and nothing else of the environment
    #[arg(long)]
    pristine: bool,

    /// Refuse to set a variable that is set to something else already; without this, warn
    #[arg(long, conflicts_with = "pristine")]
    strict: bool,

    /// Before the command begins, have GitHub Actions mask each line of each value in its log
    #[arg(long)]
    mask: bool,

    /// The command and its arguments; no shell reads them
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Exec {
    /// Becomes the command, so that signals and the exit code are its own. Returns only where that fails.
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let vault = self.vault.open(AuditAction::Exec)?;
        let variables = vault.inject(&self.environment.names())?;
        let keys = self.vault.opening.keys.variables();
        if let Some((name, _)) = variables
            .iter()
            .find(|(name, _)| keys.iter().any(|key| key == name))
        {
            return Err(reserved(name));
        }
        if !self.pristine {
            self.mind_those_that_are_set(&variables)?;
        }
        let (program, arguments) = self.command.split_first().expect("clap asks for a command");
        let mut command = Command::new(find(program).ok_or_else(|| not_found(program))?);
        command.arg0(program).args(arguments);
        if self.pristine {
            command.env_clear();
        }
        for key in keys {
            command.env_remove(key);
        }
        variables.set_on(&mut command);
        if self.mask {
            mask(&variables)?;
        }
        // What stands in memory goes with this program.
        Err(cannot_run(program, command.exec()))
    }

    fn mind_those_that_are_set(&self, variables: &Environment) -> Result<(), Failure> {
        let is_other = |(name, there): (OsString, OsString)| {
            let name = name.into_string().ok()?;
            let value = variables.get(&name)?;
            (there != *value).then_some(name)
        };
        let mut names: Vec<_> = env::vars_os().filter_map(is_other).collect();
        if names.is_empty() {
            return Ok(());
        }
        names.sort();
        let names = names.join(", ");
        if self.strict {
            let message = format!("already set to something else: {names}");
            let failure = Failure::new(Exit::Collision, message);
            return Err(failure.next_step("unset them, or take a --prefix"));
        }
        eprintln!("warning: the vault overwrites {names}");
        Ok(())
    }
}

/// The runner reads standard output and standard error each for itself, so a mask stands in front of either.
fn mask(variables: &Environment) -> Result<(), Failure> {
    let masks = export::github_masks(variables);
    output::raw(masks.as_bytes())?;
    let written = io::stderr().write_all(masks.as_bytes());
    written.map_err(|error| Failure::new(Exit::Failed, "no mask can be printed").because(error))
}

/// Looks for a program as a shell does, in the environment of this process and not in that of the command.
fn find(program: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(path.to_owned());
    }
    let folders = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let places: Vec<_> = env::split_paths(&folders)
        .map(|folder| folder.join(path))
        .collect();
    let is_file = |place: &&PathBuf| place.is_file();
    let can_run = |place: &&PathBuf| {
        is_file(place) && rustix::fs::access(*place, rustix::fs::Access::EXEC_OK).is_ok()
    };
    places
        .iter()
        .find(can_run)
        .or_else(|| places.iter().find(is_file))
        .cloned()
}

fn not_found(program: &OsStr) -> Failure {
    let message = format!("there is no command {}", program.display());
    Failure::new(Exit::CommandNotFound, message).next_step("is it on the PATH?")
}

fn cannot_run(program: &OsStr, error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        return not_found(program);
    }
    let failure = Failure::new(
        Exit::CannotExecute,
        format!("cannot run {}", program.display()),
    );
    let failure = match error.kind() {
        io::ErrorKind::ArgumentListTooLong => failure.next_step("take fewer values, with --only"),
        _ => failure,
    };
    failure.because(error)
}

fn reserved(name: &str) -> Failure {
    let message = format!("{name} is a variable of keys, which no command gets");
    Failure::new(Exit::Collision, message).next_step("take a --prefix, or another name with --name")
}
