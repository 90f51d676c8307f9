use std::{
    any::Any,
    error::Error as StdError,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
};

use jobcrypt_core::{EncryptHook, JobContext, Purpose};
use jobcrypt_tower::ReducedError;
use riverqueue::{JobCancelError, WorkCancelled, WorkError};
use zeroize::Zeroizing;

/// What a worker's error becomes before River stores it with a sealed job, in plaintext: a safe text, with the worker's own
/// words sealed in it, for `jobcrypt jobs inspect --reveal`.
///
/// An `ErrorHandler` finds it by `downcast_ref`, and in it what the worker returned.
pub struct SealedError {
    text: String,
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

/// Longer ones are cut before they are sealed.
const LONGEST: usize = 16 * 1024;

/// Takes the text out of an error of a job of a sealed kind; others are returned as they are, by `Err`.
pub(crate) fn seal(
    hook: &EncryptHook,
    kind: &str,
    error: WorkError,
) -> Result<WorkError, WorkError> {
    let words = Zeroizing::new(words_of(error.get_ref()));
    let Some(sealed) = sealed_words(hook, kind, &words) else {
        return Err(error);
    };
    let what = ReducedError::of(error.get_ref())
        .map_or_else(|| "the worker failed".to_owned(), |it| it.to_string());
    let is_cancel = JobCancelError::is_in_chain(error.get_ref());
    let cancelled = WorkCancelled::is_in_chain(error.get_ref()).then_some(WorkCancelled);
    let error = SealedError {
        text: format!("{what}; {sealed}"),
        original: error,
        cancelled,
    };
    if is_cancel {
        return Ok(WorkError::new(JobCancelError::new(error)));
    }
    Ok(WorkError::new(error))
}

/// Runs a worker; where it panics, it panics with a safe text and its own words sealed in it. What the process prints when
/// it panics comes before, and is the app's.
pub(crate) async fn seal_panics<T>(
    hook: &EncryptHook,
    kind: &str,
    worker: impl Future<Output = T>,
) -> T {
    let mut worker = pin!(worker);
    std::future::poll_fn(|context| {
        let poll = AssertUnwindSafe(|| worker.as_mut().poll(context));
        catch_unwind(poll).unwrap_or_else(|panic| resume_unwind(seal_panic(hook, kind, panic)))
    })
    .await
}

/// Returns what a worker's panic is resumed with: River stores that text too.
fn seal_panic(hook: &EncryptHook, kind: &str, payload: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    match sealed_words(hook, kind, text.unwrap_or("a panic without a text")) {
        Some(sealed) => Box::new(format!("the worker panicked; {sealed}")),
        None => match ReducedError::of_panic(&*payload) {
            Some(reduced) => Box::new(reduced.to_string()),
            None => payload,
        },
    }
}

/// Returns the words sealed, or why not; `None` for kinds whose jobs are readable.
fn sealed_words(hook: &EncryptHook, kind: &str, words: &str) -> Option<String> {
    let context = JobContext::new(kind).with_purpose(Purpose::ERROR);
    let json = Zeroizing::new(serde_json::to_vec(words).unwrap_or_default());
    match hook.seal_bytes(&context, &json) {
        Ok(None) => None,
        Ok(Some(envelope)) => {
            // The envelope is an object whose one value is the token, in which no quote stands, and errors are text.
            let envelope = String::from_utf8_lossy(&envelope);
            let token = envelope.rsplit('"').nth(1).unwrap_or_default();
            Some(format!("its words are sealed: {token}"))
        }
        Err(error) => {
            let class = error.kind().as_str();
            Some(format!("its words could not be sealed: {class}"))
        }
    }
}

/// An error and its causes, as River would store them.
fn words_of(error: &(dyn StdError + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = next.source();
    }
    if words.len() > LONGEST {
        let end = words.floor_char_boundary(LONGEST);
        words.truncate(end);
        words.push('…');
    }
    words
}

impl fmt::Display for SealedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// As it is displayed: the original would show.
impl fmt::Debug for SealedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl StdError for SealedError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cancelled = self.cancelled.as_ref();
        cancelled.map(|it| it as &(dyn StdError + 'static))
    }
}
