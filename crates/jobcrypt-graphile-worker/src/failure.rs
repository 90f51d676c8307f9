use std::fmt;

use jobcrypt_tower::ReducedError;

/// What graphile_worker stores as the error of a job. It writes errors by `Debug`, so that is the text
/// itself: no quotes in quotes.
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// A handler's own error, as graphile_worker would have written it; of a job that was sealed, without
    /// the text of serde's.
    pub(crate) fn of_handler(error: &impl fmt::Debug, was_sealed: bool) -> Self {
        let text = format!("{error:?}");
        match ReducedError::of_text(&text) {
            Some(reduced) if was_sealed => Self(reduced.to_string()),
            _ => Self(text),
        }
    }

    /// Without the text of serde's error, which quotes the value that it stumbled over.
    pub(crate) fn of_args(kind: &str) -> Self {
        Self(format!(
            "the args of {kind} do not fit the type of its handler"
        ))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
