use std::fmt;

use jobcrypt_core::{EncryptHook, Error};
use tower_layer::Layer;

use crate::{Encrypt, FromError};

/// Seals jobs on their way into a queue: goes around the service that stores them.
///
/// The error stays that of the service, which must be made `From` ours; where it cannot be, use
/// [`map_error`](Self::map_error).
///
/// ```
/// # use jobcrypt_ciphers::XChaCha20Poly1305;
/// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
/// # use jobcrypt_tower::{EncryptLayer, JobRequest};
/// # use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn};
/// # struct Row { kind: &'static str, args: String }
/// # impl JobRequest for Row {
/// #     type Args = String;
/// #     fn context(&self) -> JobContext<'_> { JobContext::new(self.kind) }
/// #     fn args(&self) -> &String { &self.args }
/// #     fn args_mut(&mut self) -> &mut String { &mut self.args }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// # let hook = EncryptHook::builder(keyring).build()?;
/// let mut enqueue = ServiceBuilder::new()
///     .layer(EncryptLayer::new(hook))
///     .service_fn(async |row: Row| {
///         assert!(row.args.starts_with(r#"{"river_encrypt":"jc1."#));
///         Ok::<_, BoxError>(()) // an `insert` into your table
///     });
/// let args = r#"{"pan":"4111111111111111"}"#.to_owned();
/// enqueue.ready().await?.call(Row { kind: "charge_card", args }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until it is around a service"]
pub struct EncryptLayer<M = FromError> {
    hook: EncryptHook,
    map_error: M,
}

impl EncryptLayer {
    /// Seals with `hook`.
    pub fn new(hook: EncryptHook) -> Self {
        Self {
            hook,
            map_error: FromError,
        }
    }
}

impl<M> EncryptLayer<M> {
    /// Says what our error is in the queue's own words.
    pub fn map_error<E, F: Fn(Error) -> E>(self, map_error: F) -> EncryptLayer<F> {
        EncryptLayer {
            hook: self.hook,
            map_error,
        }
    }
}

impl<S, M: Clone> Layer<S> for EncryptLayer<M> {
    type Service = Encrypt<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        Encrypt {
            inner,
            hook: self.hook.clone(),
            map_error: self.map_error.clone(),
        }
    }
}

impl<M> fmt::Debug for EncryptLayer<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncryptLayer")
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}
