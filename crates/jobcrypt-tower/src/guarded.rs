use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use jobcrypt_core::{Error, ErrorKind};

/// How long the source of keys may take to answer before the job waits for it: half a minute. To be slept
/// for by the runtime of the queue, see [`guarded`].
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Opens a job so that nothing which happens meanwhile costs it its attempt: for adapters.
///
/// A panic of an encryptor or a key provider becomes an error without its text, which may quote args or
/// keys. Where `patience` is over first, the source of keys does not answer.
///
/// ```
/// use jobcrypt_tower::{PATIENCE, guarded};
/// # use jobcrypt_ciphers::XChaCha20Poly1305;
/// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jobcrypt_core::Error> {
/// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// # let hook = EncryptHook::builder(keyring).build()?;
/// # let mut args = b"{}".to_vec();
/// let context = JobContext::new("send_letter");
/// let opening = hook.open_or_reload(&context, &mut args);
/// let was_sealed = guarded(opening, tokio::time::sleep(PATIENCE)).await?;
/// assert!(!was_sealed);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Those of `opening`, [`ErrorKind::InvalidConfiguration`] where it panics, and
/// [`ErrorKind::KeySourceUnavailable`] where it takes too long.
pub async fn guarded<T>(
    opening: impl Future<Output = Result<T, Error>>,
    patience: impl Future<Output = ()>,
) -> Result<T, Error> {
    let mut opening = pin!(opening);
    let mut patience = pin!(patience);
    std::future::poll_fn(move |context| {
        let poll = AssertUnwindSafe(|| opening.as_mut().poll(context));
        let polled = catch_unwind(poll).unwrap_or_else(|_| {
            Poll::Ready(Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "an encryptor or a key provider panicked",
            )))
        });
        if polled.is_pending() && patience.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(Error::key_source_unavailable("it does not answer")));
        }
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_source_that_does_not_answer_is_unavailable_after_half_a_minute() {
        let begin = tokio::time::Instant::now();
        let silent = future::pending::<Result<(), Error>>();
        let error = guarded(silent, tokio::time::sleep(PATIENCE)).await;
        let error = error.expect_err("nothing ever comes");
        assert_eq!(error.kind(), ErrorKind::KeySourceUnavailable);
        assert_eq!(begin.elapsed().as_secs(), 30);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_without_its_text() {
        let error = guarded(async { panic!("canary-4711") }, future::pending()).await;
        let error: Error = error.map(|(): ()| ()).expect_err("it panicked");
        assert!(error.to_string().contains("panicked"), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
