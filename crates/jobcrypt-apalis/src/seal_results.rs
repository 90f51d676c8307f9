use std::{
    any::TypeId,
    pin::Pin,
    task::{Context, Poll, ready},
};

use apalis_core::{
    error::{AbortError, BoxDynError, RetryAfterError},
    task::Task,
};
use jobcrypt_tower::WorkerWords;
use pin_project_lite::pin_project;
use serde::Serialize;
use serde_json::Value;
use tower_layer::Layer;
use tower_service::Service;

use crate::opening::Opened;

/// Puts [`SealResults`] under a store's own layer, which writes results down. [`EncryptBackend`] brings it
/// along; nobody installs it.
///
/// [`EncryptBackend`]: crate::EncryptBackend
#[derive(Clone, Debug)]
pub struct SealResultsLayer<L> {
    store: L,
}

impl<L> SealResultsLayer<L> {
    pub(crate) fn new(store: L) -> Self {
        Self { store }
    }
}

impl<S, L: Layer<SealResults<S>>> Layer<S> for SealResultsLayer<L> {
    type Service = L::Service;

    fn layer(&self, inner: S) -> Self::Service {
        self.store.layer(SealResults { inner })
    }
}

/// Seals what handlers and the steps of workflows return, and the words of their errors and panics.
#[derive(Clone, Debug)]
pub struct SealResults<S> {
    inner: S,
}

impl<S, A> Service<Task<A>> for SealResults<S>
where
    S: Service<Task<A>>,
    S::Error: Into<BoxDynError>,
    S::Response: Serialize + 'static,
{
    type Response = Value;
    type Error = BoxDynError;
    type Future = SealResultsFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, task: Task<A>) -> Self::Future {
        let opened = task.data().get::<Opened>().cloned();
        SealResultsFuture {
            inner: self.inner.call(task),
            opened,
        }
    }
}

pin_project! {
    /// The future of [`SealResults`].
    pub struct SealResultsFuture<F> {
        #[pin]
        inner: F,
        opened: Option<Opened>,
    }
}

impl<F, T, E> Future for SealResultsFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxDynError>,
    T: Serialize + 'static,
{
    type Output = Result<Value, BoxDynError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let opened = this.opened.as_ref();
        let words = opened.map(Opened::words);
        let poll = || this.inner.poll(context);
        let output = ready!(match words {
            Some(words) => words.poll(poll),
            None => poll(),
        });
        Poll::Ready(match (output, opened) {
            (Ok(_), _) if TypeId::of::<T>() == TypeId::of::<()>() => Ok(Value::Null),
            (Ok(result), Some(opened)) => opened.opening.seal_result(&result).map_err(Into::into),
            (Ok(result), None) => serde_json::to_value(result).map_err(Into::into),
            (Err(error), _) => {
                let error = error.into();
                Err(match words {
                    Some(words) => seal(words, error),
                    None => error,
                })
            }
        })
    }
}

/// An error stays what it was to whoever looks at its type.
fn seal(words: WorkerWords<'_>, error: BoxDynError) -> BoxDynError {
    let Some(sealed) = words.of_error(&*error) else {
        return error;
    };
    if error.is::<AbortError>() {
        return AbortError::new(sealed).into();
    }
    match error.downcast_ref::<RetryAfterError>() {
        Some(later) => RetryAfterError::new(sealed, later.get_duration()).into(),
        None => sealed.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jobcrypt_ciphers::XChaCha20Poly1305;
    use jobcrypt_core::{EncryptHook, Keyring, SecretKey};

    use super::*;

    fn hook() -> EncryptHook {
        let key = SecretKey::generate().expect("the system has random bytes");
        let keyring = Keyring::new(XChaCha20Poly1305::new(key)).build();
        let hook = EncryptHook::builder(keyring.expect("one key is enough")).build();
        hook.expect("the hook is sound")
    }

    fn serdes() -> serde_json::Error {
        serde_json::from_str::<u32>(r#""canary-pan-4711""#).expect_err("it is no number")
    }

    #[test]
    fn an_error_that_quotes_args_is_sealed_and_stays_what_it_was() {
        let hook = hook();
        let words = WorkerWords::of(&hook, "charge_card", true);
        for words in [words, words.readable(true)] {
            let sealed = seal(words, AbortError::new(serdes()).into());
            assert!(sealed.is::<AbortError>() && !sealed.to_string().contains("canary"));

            let later = Duration::from_secs(7);
            let sealed = seal(words, RetryAfterError::new(serdes(), later).into());
            assert!(!sealed.to_string().contains("canary"));
            let sealed = sealed.downcast::<RetryAfterError>();
            assert_eq!(sealed.expect("it is still one").get_duration(), later);
        }
    }

    #[test]
    fn a_panic_that_was_made_an_error_is_sealed() {
        let hook = hook();
        let words = WorkerWords::of(&hook, "charge_card", true).readable(true);
        let text = format!(
            "called `Result::unwrap()` on an `Err` value: {:?}",
            serdes()
        );
        let panic = AbortError::new(format!("PanicError: {text}"));
        assert!(panic.to_string().contains("canary"));
        assert!(!seal(words, panic.into()).to_string().contains("canary"));
    }

    #[test]
    fn other_errors_keep_their_words_where_the_app_asked_for_that() {
        let hook = hook();
        let words = WorkerWords::of(&hook, "charge_card", true);
        let sealed = seal(words, "declined".into()).to_string();
        assert!(
            sealed.starts_with("the worker failed; its words are sealed: jc1."),
            "{sealed}"
        );
        let words = words.readable(true);
        assert_eq!(seal(words, "declined".into()).to_string(), "declined");
    }
}
