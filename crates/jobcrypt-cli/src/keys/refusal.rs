//! How the errors of the crate keys end a command. Their texts say what to do next.

use jobcrypt::keys::{RepositoryError, RotateError};

use crate::{exit::Exit, failure::Failure};

impl From<RepositoryError> for Failure {
    fn from(error: RepositoryError) -> Self {
        let exit = match &error {
            RepositoryError::Locked { .. } => Exit::Locked,
            RepositoryError::AlreadySetUp { .. }
            | RepositoryError::AlreadyStaged { .. }
            | RepositoryError::Destroyed { .. }
            | RepositoryError::Diverged { .. }
            | RepositoryError::KeystoneLayout { .. }
            | RepositoryError::NotRetired { .. }
            | RepositoryError::Older { .. }
            | RepositoryError::OtherLayout { .. }
            | RepositoryError::Retired { .. }
            | RepositoryError::SetUpOverKeys { .. } => Exit::Refused,
            _ => Exit::Keys,
        };
        with_next_step(exit, &error.to_string())
    }
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Repository(error) => error.into(),
            refusal => with_next_step(Exit::Refused, &refusal.to_string()),
        }
    }
}

/// What stands behind the last semicolon is what to do.
fn with_next_step(exit: Exit, text: &str) -> Failure {
    match text.rsplit_once("; ") {
        Some((message, next_step)) => Failure::new(exit, message).next_step(next_step),
        None => Failure::new(exit, text),
    }
}
