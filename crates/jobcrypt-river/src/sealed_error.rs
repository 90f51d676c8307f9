use std::{error::Error as StdError, fmt};

use jobcrypt_tower::{SealedWords, WorkerWords};
use riverqueue::{JobCancelError, WorkCancelled, WorkError};

/// What a worker's error becomes before River stores it with a sealed job, in plaintext: a safe text, with the worker's own
/// words sealed in it, for `jobcrypt jobs inspect --reveal`.
///
/// An `ErrorHandler` finds it by `downcast_ref`, and in it what the worker returned.
pub struct SealedError {
    words: SealedWords,
    original: WorkError,
    /// Tells River that the worker stopped because it was asked to.
    cancelled: Option<WorkCancelled>,
}

impl SealedError {
    /// Returns the worker's own error. It may quote args: it must not be stored or logged.
    #[must_use]
    pub fn original(&self) -> &WorkError {
        &self.original
    }
}

/// Takes the words out of an error that must not be stored as it is.
pub(crate) fn seal(words: WorkerWords<'_>, error: WorkError) -> WorkError {
    let Some(words) = words.of_error(error.get_ref()) else {
        return error;
    };
    let is_cancel = JobCancelError::is_in_chain(error.get_ref());
    let cancelled = WorkCancelled::is_in_chain(error.get_ref()).then_some(WorkCancelled);
    let error = SealedError {
        words,
        original: error,
        cancelled,
    };
    if is_cancel {
        return WorkError::new(JobCancelError::new(error));
    }
    WorkError::new(error)
}

impl fmt::Display for SealedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words.fmt(formatter)
    }
}

/// As it is displayed: the original would show.
impl fmt::Debug for SealedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words.fmt(formatter)
    }
}

impl StdError for SealedError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cancelled = self.cancelled.as_ref();
        cancelled.map(|it| it as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use jobcrypt_ciphers::XChaCha20Poly1305;
    use jobcrypt_core::{EncryptHook, Keyring, Policy, SecretKey};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum WorkerError {
        #[error(transparent)]
        Json(#[from] serde_json::Error),
        #[error("charging canary-4711 failed")]
        Charge(#[source] serde_json::Error),
    }

    fn hook(policy: Policy) -> EncryptHook {
        let key = SecretKey::generate().expect("the system has random bytes");
        let keyring = Keyring::new(XChaCha20Poly1305::new(key)).build();
        EncryptHook::builder(keyring.expect("one key is enough"))
            .default_policy(policy)
            .build()
            .expect("the hook is sound")
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

    fn errors() -> [WorkError; 6] {
        let formatted: Box<dyn StdError + Send + Sync> =
            format!("bad args: {}", serde_error()).into();
        [
            WorkError::new(serde_error()),
            WorkError::new(io::Error::from(serde_error())),
            WorkError::new(io::Error::other(WorkerError::from(serde_error()))),
            WorkError::new(WorkerError::from(serde_error())),
            WorkError::new(WorkerError::Charge(serde_error())),
            WorkError::new(formatted),
        ]
    }

    #[test]
    fn whatever_wraps_it_an_error_of_a_sealed_job_loses_its_text() {
        let (sealed, readable) = (hook(Policy::sealed()), hook(Policy::readable()));
        for words in [
            WorkerWords::of(&sealed, "charge_card", true),
            WorkerWords::of(&sealed, "charge_card", false),
            WorkerWords::of(&readable, "charge_card", true),
            WorkerWords::of(&sealed, "charge_card", true).readable(true),
        ] {
            for error in errors() {
                assert!(shown(&error).contains("canary"));
                let stored = seal(words, error);
                assert!(!shown(&stored).contains("canary"), "{stored}");
                assert!(shown(&stored).contains("at line 1 column 13"), "{stored}");
                let sealed = stored.downcast_ref::<SealedError>().expect("it is one");
                assert!(shown(sealed.original()).contains("canary"));
            }
        }
    }

    #[test]
    fn a_cancellation_stays_one() {
        let hook = hook(Policy::sealed());
        let words = WorkerWords::of(&hook, "charge_card", true);
        let cancel = WorkError::new(JobCancelError::new(serde_error()));
        let stored = seal(words, cancel);
        assert!(JobCancelError::is_in_chain(stored.get_ref()));
        assert!(!shown(&stored).contains("canary"));
        let stopped = seal(words, WorkError::new(WorkCancelled));
        assert!(WorkCancelled::is_in_chain(stopped.get_ref()));
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let (sealed, readable) = (hook(Policy::sealed()), hook(Policy::readable()));
        let error: Box<dyn StdError + Send + Sync> = "declined at line 3".into();
        let words = WorkerWords::of(&sealed, "charge_card", true).readable(true);
        let stored = seal(words, WorkError::new(error)).to_string();
        assert_eq!(stored, "declined at line 3");
        let error = WorkError::new(WorkerError::Charge(serde_error()));
        let stored = seal(WorkerWords::of(&readable, "charge_card", false), error);
        assert!(stored.downcast_ref::<WorkerError>().is_some());
    }
}
