//! Notices a second [`EncryptPlugin`](crate::EncryptPlugin) on one client. River has no way to see
//! it when the client is built, so it is seen when the first job passes both.

use jobcrypt_core::{Error, ErrorKind};

tokio::task_local! {
    static INSIDE: ();
}

/// Runs the rest of an attempt, inside of which no other plugin may open the job again.
pub(crate) async fn enter<F: Future>(attempt: F) -> F::Output {
    INSIDE.scope((), attempt).await
}

/// Fails inside of another plugin's attempt.
pub(crate) fn check() -> Result<(), Error> {
    if INSIDE.try_with(|()| ()).is_ok() {
        return Err(Error::new(
            ErrorKind::InvalidConfiguration,
            "two encrypt plugins are installed on this client; install one",
        ));
    }
    Ok(())
}
