use std::fmt;

use jobcrypt_core::EncryptHook;
use tower_layer::Layer;

use crate::DecryptOrReload;

/// Opens jobs, and reloads the keys once where none fits. Made by
/// [`DecryptLayer::or_reload`](crate::DecryptLayer::or_reload).
#[derive(Clone)]
#[must_use = "a layer does nothing until it is around a service"]
pub struct DecryptOrReloadLayer<M> {
    hook: EncryptHook,
    map_error: M,
}

impl<M> DecryptOrReloadLayer<M> {
    pub(crate) fn new(hook: EncryptHook, map_error: M) -> Self {
        Self { hook, map_error }
    }
}

impl<S, M: Clone> Layer<S> for DecryptOrReloadLayer<M> {
    type Service = DecryptOrReload<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        DecryptOrReload {
            inner,
            hook: self.hook.clone(),
            map_error: self.map_error.clone(),
        }
    }
}

impl<M> fmt::Debug for DecryptOrReloadLayer<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DecryptOrReloadLayer")
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}
