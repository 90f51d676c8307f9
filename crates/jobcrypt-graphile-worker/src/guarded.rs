//! Keeps what happens while a job is opened from costing the job its attempt: an encryptor or key
//! provider that panics, or never answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use jobcrypt_core::{Error, ErrorKind};

/// How long the source of keys may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the opening of a job. A panic becomes an error without its text, which may quote args or keys.
pub(crate) async fn run<T>(opening: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut opening = pin!(opening);
    let opening = std::future::poll_fn(|context| {
        let poll = AssertUnwindSafe(|| opening.as_mut().poll(context));
        catch_unwind(poll).unwrap_or_else(|_| {
            Poll::Ready(Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "an encryptor or a key provider panicked",
            )))
        })
    });
    tokio::time::timeout(PATIENCE, opening)
        .await
        .unwrap_or_else(|_| Err(Error::key_source_unavailable("it does not answer")))
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_source_that_does_not_answer_is_unavailable_after_half_a_minute() {
        let begin = tokio::time::Instant::now();
        let error = run(future::pending::<Result<(), Error>>()).await;
        let error = error.expect_err("nothing ever comes");
        assert_eq!(error.kind(), ErrorKind::KeySourceUnavailable);
        assert_eq!(begin.elapsed().as_secs(), 30);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_without_its_text() {
        let error = run(async { panic!("canary-4711") }).await;
        let error: Error = error.map(|(): ()| ()).expect_err("it panicked");
        assert!(error.to_string().contains("panicked"), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
