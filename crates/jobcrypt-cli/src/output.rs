use std::{
    error::Error,
    io::{self, Write},
    iter,
};

use miette::GraphicalReportHandler;
use serde::Serialize;
use serde_json::json;

use crate::{exit::Exit, failure::Failure};

/// Where a command prints: text for people, or one JSON document.
pub(crate) struct Output {
    is_json: bool,
}

impl Output {
    pub(crate) const fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Whether text for people, such as a progress bar, is wanted.
    pub(crate) const fn is_for_people(&self) -> bool {
        !self.is_json
    }

    /// Prints what a command came to: `document` as JSON, or what `text` makes of it.
    pub(crate) fn result<T: Serialize>(
        &self,
        document: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let text = if self.is_json {
            let mut json = serde_json::to_string_pretty(document).map_err(unprintable)?;
            json.push('\n');
            json
        } else {
            text(document)
        };
        raw(text.as_bytes())
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        if self.is_json {
            let causes: Vec<_> = iter::successors(failure.source(), |cause| (*cause).source())
                .map(ToString::to_string)
                .collect();
            let next_step = miette::Diagnostic::help(failure).map(|it| it.to_string());
            let document = json!({"error": {
                "message": failure.to_string(),
                "causes": causes,
                "next_step": next_step,
                "exit_code": failure.exit() as u8,
            }});
            eprintln!("{document}");
            return;
        }
        let mut text = String::new();
        let handler = GraphicalReportHandler::new().with_width(width());
        match handler.render_report(&mut text, failure) {
            Ok(()) => eprint!("{text}"),
            Err(_) => eprintln!("{failure}"),
        }
    }
}

/// How many signs a line of an error may have.
fn width() -> usize {
    let terminal = rustix::termios::tcgetwinsize(io::stderr()).map(|size| size.ws_col);
    // A terminal of no columns does not know its own.
    terminal.map_or(200, |columns| match columns {
        0..40 => 80,
        columns => columns.into(),
    })
}

/// Prints bytes as they are. A reader that has seen enough, such as `head`, ends the command quietly.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unprintable(error)),
        _ => Ok(()),
    }
}

fn unprintable(error: impl Error + Send + Sync + 'static) -> Failure {
    Failure::new(Exit::Failed, "the result cannot be printed").because(error)
}
