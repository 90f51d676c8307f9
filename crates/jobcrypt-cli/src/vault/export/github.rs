//! GitHub Actions: `NAME<<delimiter` in a file of the runner, and before that a mask for each line, on standard output.

use std::{
    env,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use jobcrypt::vault::Environment;
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure, output};

use super::{Text, append, quoted};

/// Masking a shorter text would blank out half of the log, and say nothing about a secret that is guessed as fast.
const SHORTEST: usize = 4;
/// What says nothing about a secret, and stands everywhere in a log.
const PLAIN: [&str; 6] = ["true", "false", "null", "True", "False", "None"];

pub(super) fn export(variables: &Environment, to: Option<&Path>) -> Result<Exit, Failure> {
    let path = match to {
        Some(path) => path.to_owned(),
        None => env::var_os("GITHUB_ENV")
            .map(PathBuf::from)
            .ok_or_else(|| {
                Failure::new(Exit::Failed, "GITHUB_ENV is not set")
                    .next_step("it is in a step of GitHub Actions; elsewhere name a file with --to")
            })?,
    };
    let mut entries = Zeroizing::new(String::new());
    for (name, value) in variables.iter() {
        check_name(name)?;
        let delimiter = delimiter()?;
        append(&mut entries, &format!("{name}<<{delimiter}\n"));
        append(&mut entries, value);
        append(&mut entries, &format!("\n{delimiter}\n"));
    }
    // Masked before it can be echoed.
    output::raw(masks(variables).as_bytes())?;
    File::options()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(entries.as_bytes()))
        .map_err(|error| {
            let message = format!("cannot write to {}", path.display());
            Failure::new(Exit::Failed, message).because(error)
        })?;
    Ok(Exit::Done)
}

/// What has the runner mask each line of each value in its log.
pub(crate) fn masks(variables: &Environment) -> Text {
    let mut masks = Zeroizing::new(String::new());
    for (name, value) in variables.iter() {
        mask(name, value, &mut masks);
    }
    masks
}

/// The runner lets no step set these.
fn check_name(name: &str) -> Result<(), Failure> {
    if !name.starts_with("GITHUB_") && !name.starts_with("RUNNER_") && name != "NODE_OPTIONS" {
        return Ok(());
    }
    let message = format!("GitHub Actions lets no step set {name}");
    Err(Failure::new(Exit::Collision, message)
        .next_step("take a --prefix, or another name with --name"))
}

/// Drawn for each value, so that no value can end itself and go on with another variable.
fn delimiter() -> Result<String, Failure> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::new(Exit::Failed, "there are no random bytes").because(error))?;
    Ok(format!("end_{:032x}", u128::from_be_bytes(random)))
}

fn mask(name: &str, value: &str, masks: &mut Text) {
    if PLAIN.contains(&value) {
        return;
    }
    let mut has_short = value.is_empty();
    for line in value.split(['\n', '\r']).map(str::trim) {
        if line.chars().count() < SHORTEST {
            has_short |= !line.is_empty();
            continue;
        }
        let spelled = quoted("::add-mask::", line, "\n", |sign| {
            (sign == '%').then_some("%25")
        });
        append(masks, &spelled);
    }
    if has_short {
        eprintln!(
            "warning: {name} is not masked where it is empty or a line has less than {SHORTEST} signs"
        );
    }
}
