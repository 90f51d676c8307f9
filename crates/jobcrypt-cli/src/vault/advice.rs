//! What to do about a command line that is not understood, where clap does not say it, and what not to repeat of it.

use std::error::Error;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use jobcrypt::vault::VaultError;

use crate::{exit::Exit, failure::Failure};

const GET: &str = "`jobcrypt vault list FILE` prints the paths that there are, and `jobcrypt vault export FILE --format json` \
all values";
const SET: &str = "`jobcrypt vault set FILE PATH` asks for the value, or reads it from standard input, as in \
`printf %s \"$VALUE\" | jobcrypt vault set FILE PATH`; --from SOURCE takes it from a file";
const EXEC: &str =
    "put -- in front of the command: `jobcrypt vault exec FILE [OPTIONS] -- COMMAND`";

/// Returns what to say; `None` where clap says it well. `arguments` are those of the process, without its name.
pub(crate) fn of(error: &clap::Error, arguments: &[String]) -> Option<Failure> {
    let mut words = arguments.iter().filter(|word| !word.starts_with("--"));
    if words.next()? != "vault" {
        return None;
    }
    match &**words.next()? {
        "get" | "unset" if error.kind() == ErrorKind::MissingRequiredArgument => {
            Some(refused(what_is_missing(error), GET))
        }
        "set" => Some(refused(without_values(error), SET)),
        "exec" if has_no_command(error) => {
            Some(refused("there is no command behind --".to_owned(), EXEC))
        }
        _ => None,
    }
}

fn refused(message: String, next_step: &str) -> Failure {
    Failure::new(Exit::Usage, message).next_step(next_step)
}

fn what_is_missing(error: &clap::Error) -> String {
    format!("not given: {}", text(error, ContextKind::InvalidArg))
}

/// Whoever sets a value may have mistaken the place where it stands, so nothing that was typed is repeated.
fn without_values(error: &clap::Error) -> String {
    match error.kind() {
        ErrorKind::MissingRequiredArgument => what_is_missing(error),
        ErrorKind::UnknownArgument => match text(error, ContextKind::SuggestedArg) {
            known if known.is_empty() => {
                "there is an argument too many, or one that is no option; several words stand in quotes"
                    .to_owned()
            }
            known => format!("there is an argument that is no option; was {known} meant?"),
        },
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        ErrorKind::ArgumentConflict => format!(
            "{} and {} cannot stand together",
            text(error, ContextKind::InvalidArg),
            text(error, ContextKind::PriorArg)
        ),
        _ => {
            let place = text(error, ContextKind::InvalidArg);
            let why = error.source().and_then(|it| it.downcast_ref());
            match why {
                Some(VaultError::BadPath { why, .. }) => {
                    format!("what stands for {place} is not the path of a value: {why}")
                }
                _ => format!("what stands for {place} is not understood"),
            }
        }
    }
}

/// Whether the command is missing, or stands where `--` should.
fn has_no_command(error: &clap::Error) -> bool {
    match error.kind() {
        ErrorKind::MissingRequiredArgument => {
            text(error, ContextKind::InvalidArg).starts_with("<COMMAND>")
        }
        ErrorKind::UnknownArgument => !text(error, ContextKind::InvalidArg).starts_with('-'),
        _ => false,
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}
