use jobcrypt_tower::ReducedError;
use riverqueue::{JobCancelError, WorkError};

/// Takes the text out of an error that serde made of a sealed job's args: serde quotes the value it
/// stumbled over, and River stores the error with the job, in plaintext.
pub(crate) fn reduce(error: WorkError) -> WorkError {
    let Some(reduced) = ReducedError::of(error.get_ref()) else {
        return error;
    };
    if JobCancelError::is_in_chain(error.get_ref()) {
        return WorkError::new(JobCancelError::new(reduced));
    }
    WorkError::new(reduced)
}

#[cfg(test)]
mod tests {
    use std::{error::Error as StdError, io};

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

    /// All that an error says of itself and its causes.
    fn shown(error: &WorkError) -> String {
        let causes = std::iter::successors(error.get_ref().source(), |&error| error.source());
        let causes = causes.map(|cause| format!("{cause} {cause:?}"));
        let causes: Vec<String> = causes.collect();
        format!("{error} {error:?}: {}", causes.join(": "))
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
        let error: Box<dyn StdError + Send + Sync> = "declined at line 3".into();
        assert_eq!(
            reduce(WorkError::new(error)).to_string(),
            "declined at line 3"
        );
        let error = reduce(WorkError::new(WorkerError::Declined));
        assert!(error.downcast_ref::<WorkerError>().is_some());
    }
}
