use std::{
    fmt, mem,
    task::{Context, Poll},
};

use jobcrypt_core::{EncryptHook, ErrorKind};
use tower_service::Service;

use crate::{JobBatch, MapError, job_batch};

mod future;
mod layer;

pub use future::ReloadFuture;
pub use layer::DecryptOrReloadLayer;

/// Like [`Decrypt`](crate::Decrypt); where no key fits, reloads the keys once and tries again. Made by
/// [`DecryptLayer::or_reload`](crate::DecryptLayer::or_reload).
///
/// The keys are asked for at most as often as [`Keys`](jobcrypt_core::Keys) allow, however many jobs
/// wait. A call that needs no new key costs what it costs in `Decrypt`.
#[derive(Clone)]
pub struct DecryptOrReload<S, M> {
    inner: S,
    hook: EncryptHook,
    map_error: M,
}

impl<S, M> DecryptOrReload<S, M> {
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

impl<S, R, M> Service<R> for DecryptOrReload<S, M>
where
    S: Service<R> + Clone,
    R: JobBatch,
    M: MapError<S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ReloadFuture<S, R, M>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        match job_batch::open(&self.hook, &mut request) {
            Ok(()) => ReloadFuture::called(self.inner.call(request)),
            Err(error) if error.kind() == ErrorKind::NoMatchingKey => {
                // The instance that is ready goes with the request; its clone gets ready anew.
                let next = self.inner.clone();
                let ready = mem::replace(&mut self.inner, next);
                ReloadFuture::reloading(future::Waiting {
                    service: ready,
                    request,
                    hook: self.hook.clone(),
                    map_error: self.map_error.clone(),
                    error,
                })
            }
            Err(error) => ReloadFuture::refused(self.map_error.map_error(error)),
        }
    }
}

impl<S: fmt::Debug, M> fmt::Debug for DecryptOrReload<S, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DecryptOrReload")
            .field("inner", &self.inner)
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}
