use std::sync::atomic::{AtomicU64, Ordering};

use jobcrypt_core::{CipherName, Error};
use tracing::warn;

use crate::nonce;

/// Random nonces of 96 bits, counted: after 2^32 of them under one key, two are alike with a
/// probability that NIST SP 800-38D no longer accepts.
pub(crate) struct CountedNonces {
    cipher: CipherName,
    drawn: AtomicU64,
}

/// Half of the limit, since other processes draw for the same key.
const WARN_AT: u64 = 1 << 31;

impl CountedNonces {
    pub(crate) fn of(cipher: CipherName) -> Self {
        Self {
            cipher,
            drawn: AtomicU64::new(0),
        }
    }

    pub(crate) fn fresh(&self) -> Result<[u8; 12], Error> {
        if self.drawn.fetch_add(1, Ordering::Relaxed) + 1 == WARN_AT {
            warn!(
                target: "jobcrypt",
                cipher = %self.cipher,
                "this process has sealed 2^31 jobs under one key; rotate it before all processes together reach 2^32"
            );
        }
        nonce::fresh()
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
        let nonces = CountedNonces {
            cipher: CipherName::AES_256_GCM,
            drawn: AtomicU64::new(WARN_AT - 3),
        };
        let warnings = Arc::new(Mutex::new(0));
        subscriber::with_default(Counter(Arc::clone(&warnings)), || {
            for expected in [0, 0, 1, 1, 1] {
                nonces.fresh().expect("the system has random bytes");
                assert_eq!(*warnings.lock().expect("nothing panics with it"), expected);
            }
        });
    }
}
