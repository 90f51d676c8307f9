use std::{
    fmt,
    task::{Context, Poll},
};

use jobcrypt_core::EncryptHook;
use tower_service::Service;

use crate::{FromError, JobBatch, MapError, ResponseFuture, job_batch};

mod layer;

pub use layer::DecryptLayer;

/// Opens the args of each request's jobs before the inner service, which works them, is called. Made
/// by [`DecryptLayer`].
///
/// A request that cannot be opened, whole, does not reach the inner service. What that had reserved
/// for the request stays reserved for the next one.
#[derive(Clone)]
pub struct Decrypt<S, M = FromError> {
    inner: S,
    hook: EncryptHook,
    map_error: M,
}

impl<S> Decrypt<S> {
    /// Opens what goes to `inner`.
    pub fn new(inner: S, hook: EncryptHook) -> Self {
        Self {
            inner,
            hook,
            map_error: FromError,
        }
    }
}

impl<S, M> Decrypt<S, M> {
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

impl<S, R, M> Service<R> for Decrypt<S, M>
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
        match job_batch::open(&self.hook, &mut request) {
            Ok(()) => ResponseFuture::called(self.inner.call(request)),
            Err(error) => ResponseFuture::refused(self.map_error.map_error(error)),
        }
    }
}

impl<S: fmt::Debug, M> fmt::Debug for Decrypt<S, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Decrypt")
            .field("inner", &self.inner)
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}
