use std::{error::Error, fmt};

use miette::Diagnostic;

use crate::exit::Exit;

/// What went wrong, what to do next, and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    next_step: Option<String>,
    source: Option<Box<Cause>>,
}

/// A cause as text: many an error repeats what its own cause says.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: String,
    #[source]
    cause: Option<Box<Cause>>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            next_step: None,
            source: None,
        }
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn next_step(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = Some(next_step.into());
        self
    }

    /// Says what caused it, and what caused that, as far as it was not said.
    #[must_use]
    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source: Box<dyn Error + Send + Sync> = source.into();
        let mut texts = vec![source.to_string()];
        let mut error: &dyn Error = &*source;
        while let Some(cause) = error.source() {
            let text = cause.to_string();
            if texts.iter().all(|said| !said.contains(&text)) {
                texts.push(text);
            }
            error = cause;
        }
        let caused_by = |cause, text| Some(Box::new(Cause { text, cause }));
        self.source = texts.into_iter().rfold(None, caused_by);
        self
    }

    /// Says which file it is about.
    #[must_use]
    pub(crate) fn about(mut self, name: &str) -> Self {
        self.message = format!("{name}: {}", self.message);
        self
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.next_step.as_ref()?))
    }
}
