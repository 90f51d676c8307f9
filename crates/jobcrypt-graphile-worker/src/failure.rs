use std::fmt;

use jobcrypt_tower::WorkerWords;

/// What graphile_worker stores as the error of a job. It writes errors by `Debug`, so that is the text
/// itself: no quotes in quotes.
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// A handler's own error, as graphile_worker would have written it, or what may be stored of it.
    pub(crate) fn of_handler(words: WorkerWords<'_>, error: &impl fmt::Debug) -> Self {
        let text = format!("{error:?}");
        let sealed = words.of_text(&text);
        Self(sealed.map_or(text, |sealed| sealed.to_string()))
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
