use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use jobcrypt_core::{EncryptHook, Error};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{JobBatch, MapError, ResponseFuture, job_batch};

pin_project! {
    /// The response of [`DecryptOrReload`](crate::DecryptOrReload).
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct ReloadFuture<S: Service<R>, R, M> {
        #[pin]
        state: State<S, R, M>,
    }
}

pin_project! {
    #[project = Project]
    enum State<S: Service<R>, R, M> {
        // Boxed, both: they are rare, and every response would be as large as they are.
        Reloading {
            reloaded: Pin<Box<dyn Future<Output = Result<bool, Error>> + Send>>,
            waiting: Option<Box<Waiting<S, R, M>>>,
        },
        Answered { #[pin] response: ResponseFuture<S::Future, S::Error> },
    }
}

/// A request whose key is not there yet, and the service that is ready for it.
pub(super) struct Waiting<S, R, M> {
    pub(super) service: S,
    pub(super) request: R,
    pub(super) hook: EncryptHook,
    pub(super) map_error: M,
    pub(super) error: Error,
}

impl<S: Service<R>, R, M> ReloadFuture<S, R, M> {
    pub(super) fn called(response: S::Future) -> Self {
        let response = ResponseFuture::called(response);
        let state = State::Answered { response };
        Self { state }
    }

    pub(super) fn refused(error: S::Error) -> Self {
        let response = ResponseFuture::refused(error);
        let state = State::Answered { response };
        Self { state }
    }

    pub(super) fn reloading(waiting: Waiting<S, R, M>) -> Self {
        let keys = waiting.hook.keys().clone();
        let state = State::Reloading {
            reloaded: Box::pin(async move { keys.reload().await }),
            waiting: Some(Box::new(waiting)),
        };
        Self { state }
    }
}

impl<S, R, M> Future for ReloadFuture<S, R, M>
where
    S: Service<R>,
    R: JobBatch,
    M: MapError<S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        if let Project::Reloading { reloaded, waiting } = state.as_mut().project() {
            let reloaded = ready!(reloaded.as_mut().poll(context));
            let waiting = waiting.take().expect("it waits until the reload is done");
            let response = waiting.answer(reloaded);
            state.set(State::Answered { response });
        }
        match state.project() {
            Project::Answered { response } => response.poll(context),
            Project::Reloading { .. } => unreachable!("the reload is done"),
        }
    }
}

impl<S, R, M> Waiting<S, R, M>
where
    S: Service<R>,
    R: JobBatch,
    M: MapError<S::Error>,
{
    /// Opens once more, if there are new keys, and calls the service.
    fn answer(mut self, reloaded: Result<bool, Error>) -> ResponseFuture<S::Future, S::Error> {
        let opened = match reloaded {
            Ok(true) => job_batch::open(&self.hook, &mut self.request),
            Ok(false) => Err(self.error),
            Err(error) => Err(error),
        };
        match opened {
            Ok(()) => ResponseFuture::called(self.service.call(self.request)),
            Err(error) => ResponseFuture::refused(self.map_error.map_error(error)),
        }
    }
}

impl<S: Service<R>, R, M> fmt::Debug for ReloadFuture<S, R, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReloadFuture")
            .finish_non_exhaustive()
    }
}
