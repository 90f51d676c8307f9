//! What a worker's attempt is about, for what it calls of this crate; and the notice of a second
//! [`EncryptPlugin`](crate::EncryptPlugin) on one client. River has no way to see that when the client is built, so it is
//! seen when the first job passes both.

use std::sync::Arc;

use jobcrypt_core::{EncryptHook, Error, ErrorKind};

/// The job that is worked in this task.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) hook: EncryptHook,
    pub(crate) kind: Arc<str>,
}

tokio::task_local! {
    static ATTEMPT: Attempt;
}

/// Runs the rest of an attempt, inside of which no other plugin may open the job again.
pub(crate) async fn enter<F: Future>(attempt: Attempt, rest: F) -> F::Output {
    ATTEMPT.scope(attempt, rest).await
}

/// Returns the attempt that this is inside of.
pub(crate) fn current() -> Option<Attempt> {
    ATTEMPT.try_with(Clone::clone).ok()
}

/// Fails inside of another plugin's attempt.
pub(crate) fn check() -> Result<(), Error> {
    if current().is_some() {
        return Err(Error::new(
            ErrorKind::InvalidConfiguration,
            "two encrypt plugins are installed on this client; install one",
        ));
    }
    Ok(())
}
