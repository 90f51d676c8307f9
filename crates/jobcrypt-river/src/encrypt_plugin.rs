use std::time::Duration;

use jobcrypt_core::EncryptHook;
use jobcrypt_tower::Verdict;
use riverqueue::{Extensions, Plugin};

use crate::{
    open_middleware::OpenMiddleware,
    seal_hook::SealHook,
    terms::{Refused, Terms},
};

/// Encrypted jobs for a River client: `Client::builder(pool).plugin(EncryptPlugin::new(hook))`.
///
/// Install it once, on every client that inserts or works jobs of the sealed kinds.
///
/// ```
/// use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_river::EncryptPlugin;
///
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring).namespace("prod").build()?;
/// let plugin = EncryptPlugin::new(hook);
/// # let _ = plugin;
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a plugin does nothing until it is installed"]
pub struct EncryptPlugin {
    hook: EncryptHook,
    terms: Terms,
}

impl EncryptPlugin {
    /// Seals and opens with `hook`.
    pub fn new(hook: EncryptHook) -> Self {
        Self {
            hook,
            terms: Terms {
                park_after: Verdict::PARK_AFTER,
                refused: Refused::Park,
                seals_errors: true,
            },
        }
    }

    /// Sets how long a job whose key is unknown waits for it before it is parked: 7 days unless set.
    pub fn park_after(mut self, wait: Duration) -> Self {
        self.terms.park_after = wait;
        self
    }

    /// Cancels a job that must not be worked instead of parking it.
    ///
    /// River deletes cancelled jobs, after 24 hours unless configured otherwise, so a job that was
    /// refused for a mistake in the configuration is lost with them.
    pub fn cancel_refused(mut self) -> Self {
        self.terms.refused = Refused::Cancel;
        self
    }

    /// Leaves the errors and panics of workers as they are, but for serde's, which quote args. River stores them in plaintext,
    /// and its UI shows them. Otherwise those of sealed kinds are stored as a [safe text](crate::SealedError), with their
    /// words sealed in it.
    pub fn readable_errors(mut self) -> Self {
        self.terms.seals_errors = false;
        self
    }
}

impl Plugin for EncryptPlugin {
    fn install(&self, extensions: &mut Extensions) {
        extensions
            .hook(SealHook::new(self.hook.clone()))
            .work_middleware(OpenMiddleware::new(self.hook.clone(), self.terms));
    }
}
