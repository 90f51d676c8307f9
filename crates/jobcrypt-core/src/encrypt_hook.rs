use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    AuditEvent, EncryptHookBuilder, Error, Keys, Policy, audit_sink::AuditSinks, marker::Marker,
};

/// Seals the args of jobs on their way into a queue and opens them on their way to the worker.
///
/// This is all the logic there is: adapters and layers hand each job's kind and args to
/// [`seal`](Self::seal) and [`open`](Self::open). Clones share everything.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{EncryptHook, JobContext, Keyring, Policy, SecretKey};
///
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring)
///     .namespace("prod")
///     .kind("rebuild_index", Policy::readable())
///     .build()?;
///
/// let job = JobContext::new("send_invoice");
/// let mut args = br#"{"iban":"DE89370400440532013000"}"#.to_vec();
/// hook.seal(&job, &mut args)?;
/// assert!(args.starts_with(br#"{"river_encrypt":"jc1.xchacha20poly1305."#));
/// hook.open(&job, &mut args)?;
/// assert_eq!(args, br#"{"iban":"DE89370400440532013000"}"#);
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone)]
pub struct EncryptHook(pub(crate) Arc<Settings>);

pub(crate) struct Settings {
    pub(crate) keys: Keys,
    pub(crate) namespace: Box<str>,
    pub(crate) marker: Marker,
    pub(crate) is_decrypt_only: bool,
    pub(crate) default_policy: Policy,
    pub(crate) policies: HashMap<Box<str>, Policy>,
    pub(crate) audit: AuditSinks,
    pub(crate) plaintext_accepted: AtomicU64,
}

impl EncryptHook {
    /// Begins a hook that seals with the primary of `keys`; a [`Keyring`](crate::Keyring) will do.
    pub fn builder(keys: impl Into<Keys>) -> EncryptHookBuilder {
        EncryptHookBuilder::new(keys.into())
    }

    /// Returns the keys, to swap or reload them.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Makes a hook with the same keys, namespace and marker that opens and never seals: the way out
    /// of encryption.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration) when a policy
    /// rejects plaintext, which is all that such a hook enqueues.
    pub fn to_decrypt_only(&self) -> Result<Self, Error> {
        let settings = &*self.0;
        settings.default_policy.check(true)?;
        for (kind, policy) in &settings.policies {
            policy.check(true).map_err(|error| error.for_job(kind))?;
        }
        Ok(Self::new(Settings {
            keys: settings.keys.clone(),
            namespace: settings.namespace.clone(),
            marker: settings.marker.clone(),
            is_decrypt_only: true,
            default_policy: settings.default_policy.clone(),
            policies: settings.policies.clone(),
            audit: settings.audit.clone(),
            plaintext_accepted: AtomicU64::new(0),
        }))
    }

    pub(crate) fn new(settings: Settings) -> Self {
        let namespace = &settings.namespace;
        settings.audit.record(&if settings.is_decrypt_only {
            AuditEvent::EncryptionDisabled { namespace }
        } else {
            let key_id = settings.keys.snapshot().primary().key_id();
            AuditEvent::EncryptionEnabled { namespace, key_id }
        });
        Self(Arc::new(settings))
    }

    /// Records an event through `tracing` and in the hook's sinks: for adapters, which alone know that a job was
    /// parked.
    pub fn audit(&self, event: &AuditEvent<'_>) {
        self.0.audit.record(event);
    }

    /// Returns how many plaintext jobs of sealed kinds this hook and its clones have let through to
    /// a worker, in this process. [`Policy::reject_plaintext`] would have parked them; so it would those
    /// that are still stored, which only the table can count.
    #[must_use]
    pub fn plaintext_accepted(&self) -> u64 {
        self.0.plaintext_accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn policy(&self, kind: &str) -> &Policy {
        self.0.policies.get(kind).unwrap_or(&self.0.default_policy)
    }
}

impl fmt::Debug for EncryptHook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EncryptHook")
            .field("keys", &self.0.keys)
            .field("namespace", &self.0.namespace)
            .field("decrypt_only", &self.0.is_decrypt_only)
            .field("default_policy", &self.0.default_policy)
            .field("policies", &self.0.policies)
            .finish_non_exhaustive()
    }
}
