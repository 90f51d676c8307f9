use std::{error::Error as StdError, fmt};

use jobcrypt_core::{EncryptHook, JobContext, Purpose};
use zeroize::Zeroizing;

/// What a queue may store of a worker's error or panic: a safe text, and the worker's own words sealed behind it. Made by
/// [`WorkerWords`](crate::WorkerWords).
#[derive(Clone, Eq, PartialEq)]
pub struct SealedWords(String);

impl SealedWords {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the words that are sealed in the stored error of a job of this kind; `None` where there are none, or no key
    /// opens them.
    #[must_use]
    pub fn open(hook: &EncryptHook, kind: &str, stored: &str) -> Option<Zeroizing<String>> {
        let context = JobContext::new(kind).with_purpose(Purpose::ERROR);
        let (_, json) = hook.open_tokens(&[context], stored.as_bytes()).pop()?;
        serde_json::from_slice(&json).ok().map(Zeroizing::new)
    }
}

impl fmt::Display for SealedWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The same text: some queues store the errors of workers as `Debug` writes them.
impl fmt::Debug for SealedWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl StdError for SealedWords {}
