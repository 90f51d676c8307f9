use std::fmt;

use jobcrypt_core::{EncryptHook, Error};
use tower_layer::Layer;

use crate::{Decrypt, DecryptOrReloadLayer, FromError};

/// Opens jobs on their way to a worker: goes around the service that works them.
///
/// The error stays that of the service, which must be made `From` ours. A queue says by
/// [`map_error`](Self::map_error) which of its own errors means later and which means never:
///
/// ```
/// # use jobcrypt_ciphers::XChaCha20Poly1305;
/// # use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
/// # use jobcrypt_tower::{DecryptLayer, JobRequest};
/// # use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// # struct Row { kind: &'static str, args: String }
/// # impl JobRequest for Row {
/// #     type Args = String;
/// #     fn context(&self) -> JobContext<'_> { JobContext::new(self.kind) }
/// #     fn args(&self) -> &String { &self.args }
/// #     fn args_mut(&mut self) -> &mut String { &mut self.args }
/// # }
/// # #[derive(Debug, PartialEq)]
/// enum Verdict {
///     TryLater,
///     Park,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), jobcrypt_core::Error> {
/// # let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// # let hook = EncryptHook::builder(keyring).build()?;
/// let mut work = ServiceBuilder::new()
///     .layer(DecryptLayer::new(hook).map_error(|error| match error.is_retryable() {
///         true => Verdict::TryLater,
///         false => Verdict::Park,
///     }))
///     .service_fn(async |row: Row| Ok::<_, Verdict>(()));
///
/// let args = r#"{"river_encrypt":"damaged"}"#.to_owned();
/// let damaged = Row { kind: "charge_card", args };
/// let verdict = work.ready().await.expect("it is always ready").call(damaged).await;
/// assert_eq!(verdict, Err(Verdict::Park));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until it is around a service"]
pub struct DecryptLayer<M = FromError> {
    hook: EncryptHook,
    map_error: M,
}

impl DecryptLayer {
    /// Opens with `hook`.
    pub fn new(hook: EncryptHook) -> Self {
        Self {
            hook,
            map_error: FromError,
        }
    }
}

impl<M> DecryptLayer<M> {
    /// Says what our error is in the queue's own words: later where
    /// [`is_retryable`](Error::is_retryable), otherwise never, with the job kept as it is.
    pub fn map_error<E, F: Fn(Error) -> E>(self, map_error: F) -> DecryptLayer<F> {
        DecryptLayer {
            hook: self.hook,
            map_error,
        }
    }

    /// Reloads the keys where none fits, once in a call, and then tries again: for
    /// [`Keys`](jobcrypt_core::Keys) that come from a provider. The inner service must be `Clone`.
    ///
    /// ```
    /// use async_trait::async_trait;
    /// use jobcrypt_ciphers::XChaCha20Poly1305;
    /// use jobcrypt_core::{EncryptHook, Error, KeyProvider, Keyring, Keys, SecretKey};
    /// use jobcrypt_tower::DecryptLayer;
    ///
    /// struct KeyService;
    ///
    /// #[async_trait]
    /// impl KeyProvider for KeyService {
    ///     async fn keyring(&self) -> Result<Keyring, Error> {
    ///         // Asks the service, and awaits its answer.
    ///         Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let hook = EncryptHook::builder(Keys::from_provider(KeyService).await?).build()?;
    /// let layer = DecryptLayer::new(hook).or_reload();
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    pub fn or_reload(self) -> DecryptOrReloadLayer<M> {
        DecryptOrReloadLayer::new(self.hook, self.map_error)
    }
}

impl<S, M: Clone> Layer<S> for DecryptLayer<M> {
    type Service = Decrypt<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        Decrypt {
            inner,
            hook: self.hook.clone(),
            map_error: self.map_error.clone(),
        }
    }
}

impl<M> fmt::Debug for DecryptLayer<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DecryptLayer")
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}
