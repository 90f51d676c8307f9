use std::{error::Error as StdError, io, iter};

use riverqueue::{JobCancelError, WorkError};

/// What is left of an error of serde once it may be stored: where, not what.
#[derive(Debug, thiserror::Error)]
#[error("the sealed args do not fit the worker's type: error {place}")]
struct ReducedError {
    place: String,
}

/// Takes the text out of an error that serde made of a sealed job's args: serde quotes the value it
/// stumbled over, and River stores the error with the job, in plaintext.
///
/// Such an error is known by how it ends, since `io::Error`, `anyhow` and transparent enums hide what
/// they hold.
pub(crate) fn reduce(error: WorkError) -> WorkError {
    let Some(place) = links(error.get_ref()).find_map(|link| place_of(&link.to_string())) else {
        return error;
    };
    let reduced = ReducedError { place };
    if JobCancelError::is_in_chain(error.get_ref()) {
        return WorkError::new(JobCancelError::new(reduced));
    }
    WorkError::new(reduced)
}

/// Returns what is left of an error that serde made of a sealed job's args.
pub(crate) fn of(error: &WorkError) -> Option<String> {
    let place = links(error.get_ref()).find_map(|link| place_of(&link.to_string()))?;
    Some(ReducedError { place }.to_string())
}

/// An error and all that it says of its causes, also what an `io::Error` keeps to itself.
fn links<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a dyn StdError> {
    iter::successors(Some(error), |&error| {
        let hidden = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        hidden
            .map(|hidden| hidden as &(dyn StdError + 'static))
            .or(error.source())
    })
    .map(|error| error as &dyn StdError)
}

/// Returns where serde stumbled, if the text is one of its errors: `at line 1 column 13`.
fn place_of(text: &str) -> Option<String> {
    let at = text.rfind("at line ")?;
    let mut words = text[at..].split(|char: char| !char.is_ascii_alphanumeric());
    let mut number_behind = |word| {
        words.by_ref().find(|next| *next == word)?;
        words.next()?.parse::<usize>().ok()
    };
    let (line, column) = (number_behind("line")?, number_behind("column")?);
    Some(format!("at line {line} column {column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum WorkerError {
        #[error(transparent)]
        Json(#[from] serde_json::Error),
        #[error("charging failed")]
        Charge(#[source] serde_json::Error),
        #[error("the card was declined")]
        Declined,
    }

    fn serde_error() -> serde_json::Error {
        serde_json::from_str::<u32>(r#""canary-4711""#).expect_err("it is no number")
    }

    fn shown(error: &WorkError) -> String {
        let links: Vec<String> = links(error.get_ref())
            .map(|link| format!("{link} {link:?}"))
            .collect();
        links.join(": ")
    }

    #[test]
    fn whatever_wraps_it_an_error_of_serde_loses_its_text() {
        let formatted: Box<dyn StdError + Send + Sync> =
            format!("bad args: {}", serde_error()).into();
        for error in [
            WorkError::new(serde_error()),
            WorkError::new(io::Error::from(serde_error())),
            WorkError::new(io::Error::other(WorkerError::from(serde_error()))),
            WorkError::new(WorkerError::from(serde_error())),
            WorkError::new(WorkerError::Charge(serde_error())),
            WorkError::new(formatted),
        ] {
            assert!(shown(&error).contains("canary"));
            let reduced = shown(&reduce(error));
            assert!(!reduced.contains("canary"), "{reduced}");
            assert!(reduced.contains("at line 1 column 13"), "{reduced}");
        }
    }

    #[test]
    fn a_cancellation_stays_one() {
        let cancel = WorkError::new(JobCancelError::new(serde_error()));
        let reduced = reduce(cancel);
        assert!(JobCancelError::is_in_chain(reduced.get_ref()));
        assert!(!shown(&reduced).contains("canary"));
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        for text in ["declined at line 3", "at line x column 2", "column 1"] {
            let error: Box<dyn StdError + Send + Sync> = text.into();
            assert_eq!(reduce(WorkError::new(error)).to_string(), text);
        }
        let error = reduce(WorkError::new(WorkerError::Declined));
        assert!(error.downcast_ref::<WorkerError>().is_some());
    }
}
