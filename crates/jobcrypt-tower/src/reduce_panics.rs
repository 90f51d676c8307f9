use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
};

use crate::ReducedError;

/// Runs a worker of sealed args, for adapters: where it panics with a text of serde's, which quotes args and
/// which queues store, it panics with what [`ReducedError`] leaves of it. Other panics go on as they are.
///
/// What the process prints when it panics comes before, and is the app's.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let worker = async { serde_json::from_str::<u32>(r#""4111111111111111""#).unwrap() };
/// let joined = tokio::spawn(jobcrypt_tower::reduce_panics(worker)).await;
/// let panic = joined.unwrap_err().into_panic();
/// let text = panic.downcast_ref::<String>().unwrap();
/// assert_eq!(text, "the sealed args do not fit the worker's type: error at line 1 column 18");
/// # }
/// ```
pub async fn reduce_panics<T>(worker: impl Future<Output = T>) -> T {
    let mut worker = pin!(worker);
    std::future::poll_fn(move |context| {
        let poll = AssertUnwindSafe(|| worker.as_mut().poll(context));
        catch_unwind(poll).unwrap_or_else(|panic| match ReducedError::of_panic(&*panic) {
            Some(reduced) => resume_unwind(Box::new(reduced.to_string())),
            None => resume_unwind(panic),
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_panic_goes_on_as_it_is() {
        let worker = async { panic!("declined") };
        let joined = tokio::spawn(reduce_panics::<()>(worker)).await;
        let panic = joined.expect_err("it panicked").into_panic();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"declined"));
    }
}
