//! How the errors of the crates vault and keys end a command. Their texts say what to do next.

use jobcrypt::{keys::KeySourceError, vault::VaultError};

use crate::{exit::Exit, failure::Failure};

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let exit = match &error {
            VaultError::KeyMissing { .. } => Exit::KeyMissing,
            VaultError::WrongKey { .. } => Exit::WrongKey,
            VaultError::Keys(_) => Exit::Keys,
            VaultError::Damaged { .. }
            | VaultError::Foreign { .. }
            | VaultError::UnsupportedVersion { .. } => Exit::Damaged,
            VaultError::PathMissing { .. } => Exit::PathMissing,
            VaultError::BadPath { .. } => Exit::Usage,
            VaultError::Collision { .. }
            | VaultError::VariableCollision { .. }
            | VaultError::BadVariable { .. } => Exit::Collision,
            VaultError::FileExists { .. } => Exit::FileExists,
            VaultError::Changed { .. } | VaultError::Conflict { .. } => Exit::Conflict,
            VaultError::Locked { .. } => Exit::Locked,
            _ => Exit::Failed,
        };
        let next_step = match &error {
            VaultError::VariableCollision { .. } | VaultError::BadVariable { .. } => {
                Some("give it a name with --name NAME=PATH, or leave it out with --only")
            }
            _ => None,
        };
        let text = error.to_string();
        match (next_step, text.rsplit_once("; ")) {
            (Some(next_step), _) => Self::new(exit, text).next_step(next_step),
            (None, Some((message, next_step))) => Self::new(exit, message).next_step(next_step),
            (None, None) => Self::new(exit, text),
        }
    }
}

impl From<KeySourceError> for Failure {
    fn from(error: KeySourceError) -> Self {
        let exit = match &error {
            KeySourceError::Unset { .. } | KeySourceError::NoKeys { .. } => Exit::KeyMissing,
            KeySourceError::BadKey { .. } | KeySourceError::NotText { .. } => Exit::KeyMalformed,
            _ => Exit::Keys,
        };
        let text = error.to_string();
        match text.rsplit_once("; ") {
            Some((message, next_step)) => Self::new(exit, message).next_step(next_step),
            None => Self::new(exit, text),
        }
    }
}
