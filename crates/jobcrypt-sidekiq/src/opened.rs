//! The args of the job that is worked, as the app wrote them, while a worker has it.

use zeroize::Zeroizing;

tokio::task_local! {
    static OPENED: Option<Zeroizing<Vec<u8>>>;
}

/// Runs the rest of an attempt. `json` are the args, if they were sealed.
pub(crate) async fn enter<F: Future>(json: Option<Zeroizing<Vec<u8>>>, attempt: F) -> F::Output {
    OPENED.scope(json, attempt).await
}

/// Whether a middleware has opened the job already, or found that it was not sealed.
pub(crate) fn is_inside() -> bool {
    OPENED.try_with(|_| ()).is_ok()
}

/// Hands the args to `read`, if they were sealed.
pub(crate) fn read<T>(read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    OPENED
        .try_with(|json| json.as_deref().map(|json| read(json)))
        .ok()
        .flatten()
}
