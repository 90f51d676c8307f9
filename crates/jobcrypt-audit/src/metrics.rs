use std::collections::HashSet;

use jobcrypt_core::{AuditEvent, AuditSink};
use metrics::counter;

/// Counts what hooks do, through the facade `metrics`.
///
/// | counter | labels |
/// |---|---|
/// | `jobcrypt_jobs_sealed_total` | `kind`, `key` |
/// | `jobcrypt_jobs_opened_total` | `kind`, `key` |
/// | `jobcrypt_open_failures_total` | `kind`, `class` |
/// | `jobcrypt_jobs_parked_total` | `kind`, `class` |
/// | `jobcrypt_plaintext_jobs_total` | `kind`, `outcome`: `accepted` or `rejected` |
/// | `jobcrypt_legacy_jobs_total` | `kind`, `form` |
/// | `jobcrypt_keys_unknown_total` | none |
///
/// Nobody who writes the queue's table chooses a label: a kind that was not named here counts as `other`, and the only
/// keys are those that have sealed or opened a job.
///
/// ```
/// use jobcrypt_audit::Metrics;
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
///
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring)
///     .audit(Metrics::of_kinds(["charge_card", "send_invoice"]))
///     .build()?;
/// # let _ = hook;
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    kinds: HashSet<String>,
}

impl Metrics {
    /// Counts jobs of these kinds apart, and all others together.
    pub fn of_kinds(kinds: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            kinds: kinds.into_iter().map(Into::into).collect(),
        }
    }

    fn kind(&self, kind: &str) -> String {
        let known = self.kinds.get(kind);
        known.map_or("other", String::as_str).to_owned()
    }
}

impl AuditSink for Metrics {
    fn record(&self, event: &AuditEvent<'_>) {
        match *event {
            AuditEvent::JobSealed { kind, key_id } => {
                let (kind, key) = (self.kind(kind), key_id.to_string());
                counter!("jobcrypt_jobs_sealed_total", "kind" => kind, "key" => key).increment(1);
            }
            AuditEvent::JobOpened { kind, key_id } => {
                let (kind, key) = (self.kind(kind), key_id.to_string());
                counter!("jobcrypt_jobs_opened_total", "kind" => kind, "key" => key).increment(1);
            }
            AuditEvent::OpenFailed { kind, error } => {
                let (kind, class) = (self.kind(kind), error.kind().as_str());
                counter!("jobcrypt_open_failures_total", "kind" => kind, "class" => class)
                    .increment(1);
            }
            AuditEvent::JobParked { kind, error, .. } => {
                let (kind, class) = (self.kind(kind), error.kind().as_str());
                counter!("jobcrypt_jobs_parked_total", "kind" => kind, "class" => class)
                    .increment(1);
            }
            AuditEvent::PlaintextAccepted { kind } => {
                let kind = self.kind(kind);
                counter!("jobcrypt_plaintext_jobs_total", "kind" => kind, "outcome" => "accepted")
                    .increment(1);
            }
            AuditEvent::PlaintextRejected { kind } => {
                let kind = self.kind(kind);
                counter!("jobcrypt_plaintext_jobs_total", "kind" => kind, "outcome" => "rejected")
                    .increment(1);
            }
            AuditEvent::LegacyAccepted { kind, form } => {
                let (kind, form) = (self.kind(kind), form.as_str());
                counter!("jobcrypt_legacy_jobs_total", "kind" => kind, "form" => form).increment(1);
            }
            AuditEvent::KeyUnknown { .. } => counter!("jobcrypt_keys_unknown_total").increment(1),
            _ => {}
        }
    }
}
