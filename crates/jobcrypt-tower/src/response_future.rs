use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

pin_project! {
    /// The response of [`Encrypt`](crate::Encrypt) and [`Decrypt`](crate::Decrypt): the inner
    /// service's, or the error that kept the jobs from it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct ResponseFuture<F, E> {
        #[pin]
        state: State<F, E>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = Project]
    enum State<F, E> {
        Called { #[pin] response: F },
        Refused { error: Option<E> },
    }
}

impl<F, E> ResponseFuture<F, E> {
    pub(crate) fn called(response: F) -> Self {
        let state = State::Called { response };
        Self { state }
    }

    pub(crate) fn refused(error: E) -> Self {
        let state = State::Refused { error: Some(error) };
        Self { state }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for ResponseFuture<F, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Project::Called { response } => response.poll(context),
            Project::Refused { error } => Poll::Ready(Err(error
                .take()
                .expect("a future is not polled after it is ready"))),
        }
    }
}
