use std::{
    fmt,
    task::{Context, Poll},
};

use jobcrypt_core::EncryptHook;
use tower_service::Service;

use crate::{FromError, JobBatch, MapError, ResponseFuture, job_batch};

mod layer;

pub use layer::EncryptLayer;

/// Seals the args of each request's jobs before the inner service, which stores them, is called. Made
/// by [`EncryptLayer`].
///
/// A request that cannot be sealed, whole, does not reach the inner service. What that had reserved
/// for the request stays reserved for the next one.
#[derive(Clone)]
pub struct Encrypt<S, M = FromError> {
    inner: S,
    hook: EncryptHook,
    map_error: M,
}

impl<S> Encrypt<S> {
    /// Seals what goes to `inner`.
    pub fn new(inner: S, hook: EncryptHook) -> Self {
        Self {
            inner,
            hook,
            map_error: FromError,
        }
    }
}

impl<S, M> Encrypt<S, M> {
    /// Returns the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns the inner service, to be changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Gives back the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R, M> Service<R> for Encrypt<S, M>
where
    S: Service<R>,
    R: JobBatch,
    M: MapError<S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        match job_batch::seal(&self.hook, &mut request) {
            Ok(()) => ResponseFuture::called(self.inner.call(request)),
            Err(error) => ResponseFuture::refused(self.map_error.map_error(error)),
        }
    }
}

impl<S: fmt::Debug, M> fmt::Debug for Encrypt<S, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Encrypt")
            .field("inner", &self.inner)
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}
