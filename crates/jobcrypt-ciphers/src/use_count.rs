use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jobcrypt_core::{CipherName, KeyId};
use tracing::warn;

/// How often a key with random nonces of 96 bits has encrypted in this process: after 2^32 of them, two
/// are alike with a probability that NIST SP 800-38D no longer accepts.
pub(crate) struct UseCount {
    cipher: CipherName,
    count: Arc<AtomicU64>,
}

/// Keys are loaded anew while a process runs, and their counts go on.
static COUNTS: Mutex<BTreeMap<KeyId, Arc<AtomicU64>>> = Mutex::new(BTreeMap::new());

/// Half of the limit, since other processes draw for the same key.
const WARN_AT: u64 = 1 << 31;

impl UseCount {
    pub(crate) fn of(cipher: CipherName, key_id: KeyId) -> Self {
        let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            cipher,
            count: Arc::clone(counts.entry(key_id).or_default()),
        }
    }

    pub(crate) fn add(&self, uses: usize) {
        let uses = u64::try_from(uses).unwrap_or(u64::MAX);
        let before = self.count.fetch_add(uses, Ordering::Relaxed);
        if before < WARN_AT && before.saturating_add(uses) >= WARN_AT {
            warn!(
                target: "jobcrypt",
                cipher = %self.cipher,
                "this process has sealed 2^31 jobs under one key; rotate it before all processes together reach 2^32"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{
        Event, Metadata, Subscriber,
        span::{Attributes, Id, Record},
        subscriber,
    };

    use super::*;

    /// Counts events.
    struct Counter(Arc<Mutex<u32>>);

    impl Subscriber for Counter {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            *self.0.lock().expect("nothing panics with the lock") += 1;
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn warns_once_at_half_of_the_limit() {
        let count = || UseCount::of(CipherName::AES_256_GCM, KeyId::from_bytes([1; 16]));
        count().count.store(WARN_AT - 4, Ordering::Relaxed);
        let warnings = Arc::new(Mutex::new(0));
        subscriber::with_default(Counter(Arc::clone(&warnings)), || {
            for (uses, expected) in [(1, 0), (1, 0), (100, 1), (1, 1), (100, 1)] {
                // As after a reload of the keys.
                count().add(uses);
                assert_eq!(*warnings.lock().expect("nothing panics with it"), expected);
            }
        });
    }
}
