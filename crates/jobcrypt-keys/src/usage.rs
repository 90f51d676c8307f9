use std::collections::BTreeMap;

use jobcrypt_core::KeyId;

/// How many stored jobs need each key, counted while the rotation holds its lock.
///
/// ```
/// use jobcrypt_core::{CipherName, KeyId};
/// use jobcrypt_keys::Usage;
///
/// let id = KeyId::derive(CipherName::FERNET, &[7; 32]);
/// let usage = Usage::counted([(id, 12)], 0);
/// # let _ = usage;
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Usage {
    /// The jobs of a store, or of all stores together.
    Counted {
        /// The jobs that name each key.
        by_key: BTreeMap<KeyId, u64>,
        /// Jobs of legacy forms that name no key. While there are any, no key is free.
        unattributed: u64,
    },
    /// Nobody counted: no key is retired.
    Unknown,
}

impl Usage {
    /// Takes the counts. Keys that no job needs may be left out.
    #[must_use]
    pub fn counted(by_key: impl IntoIterator<Item = (KeyId, u64)>, unattributed: u64) -> Self {
        let mut sums = BTreeMap::new();
        for (id, jobs) in by_key {
            let sum: &mut u64 = sums.entry(id).or_default();
            *sum = sum.saturating_add(jobs);
        }
        Self::Counted {
            by_key: sums,
            unattributed,
        }
    }

    /// Returns the keys that jobs need, each with how many.
    pub(crate) fn needed(&self) -> impl Iterator<Item = (KeyId, u64)> {
        let by_key = match self {
            Self::Counted { by_key, .. } => Some(by_key),
            Self::Unknown => None,
        };
        by_key
            .into_iter()
            .flatten()
            .map(|(id, jobs)| (*id, *jobs))
            .filter(|(_, jobs)| *jobs > 0)
    }
}
