//! A command line that is not understood.

use std::{env, process::ExitCode};

use clap::error::ErrorKind;

use crate::{exit::Exit, failure::Failure, output::Output, vault};

/// Prints help that was asked for, or what is wrong: as a document where any was wanted.
pub(crate) fn not_understood(error: &clap::Error) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    let arguments: Vec<_> = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let is_json = arguments.iter().any(|argument| argument == "--json");
    if !is_help && let Some(failure) = vault::advice(error, &arguments) {
        Output::new(is_json).failure(&failure);
        return failure.exit().into();
    }
    if is_help || !is_json {
        // A reader that has seen enough ends the command quietly.
        let _ = error.print();
        let exit = if is_help { Exit::Done } else { Exit::Usage };
        return exit.into();
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, usage) = text.split_once("\n\nUsage: ").unwrap_or((text, ""));
    let usage = usage.lines().next().unwrap_or_default();
    let mut failure = Failure::new(Exit::Usage, message.trim());
    if !usage.is_empty() {
        failure = failure.next_step(format!("{usage}; `--help` describes it"));
    }
    Output::new(true).failure(&failure);
    failure.exit().into()
}
