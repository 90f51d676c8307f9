use std::collections::{BTreeMap, BTreeSet};

use jobcrypt_core::{KeyId, Keyring};

use crate::{Count, Found, Place, Verified};

/// What rests in the tables of a [`Store`](crate::Store), counted at one moment.
#[derive(Clone, Debug)]
pub struct Status {
    counts: Vec<Count>,
    is_replica: bool,
}

/// Whether a key can be removed without a job being lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SafeToRemove {
    /// Nothing that rests here needs it.
    Yes,
    /// It is the primary: the next job is sealed under it.
    Encrypts,
    /// So many tokens name it.
    StillNeeded(u64),
    /// So many jobs name no key, so any of them may need it, as long as nobody has opened them all
    /// [without it](Verified).
    MayBeNeeded(u64),
    /// Nothing needs it in this copy of the database, which may be behind the one that is written.
    CountedOnReplica,
}

impl Status {
    pub(crate) fn new(mut counts: Vec<Count>, is_replica: bool) -> Self {
        let order = |it: &Count| {
            (
                it.table.clone(),
                it.place.clone(),
                it.kind.clone(),
                it.state.clone(),
            )
        };
        counts.sort_by_key(order);
        Self { counts, is_replica }
    }

    /// Whether this was counted on a replica, which may be behind: no reason to remove a key.
    #[must_use]
    pub fn is_of_replica(&self) -> bool {
        self.is_replica
    }

    /// Returns all counts, by table, place, kind and state.
    #[must_use]
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// Returns how many jobs there are.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.sum(|it| it.place == Place::Args)
    }

    /// Returns how many jobs are plaintext.
    #[must_use]
    pub fn plaintext(&self) -> u64 {
        self.sum(|it| it.found == Found::Plaintext)
    }

    /// Returns how many jobs may be in a legacy form.
    #[must_use]
    pub fn legacy(&self) -> u64 {
        self.sum(|it| it.found == Found::Legacy)
    }

    /// Returns how many jobs hold something under the marker that is no token.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.sum(|it| it.found == Found::Unreadable)
    }

    /// Returns how many jobs are parked.
    #[must_use]
    pub fn parked(&self) -> u64 {
        self.sum(|it| it.is_parked && it.place == Place::Args)
    }

    /// Returns how many tokens name each key, over every place and state: what a key repository needs to
    /// know before it removes one.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<KeyId, u64> {
        let mut usage = BTreeMap::new();
        for count in &self.counts {
            if let Found::Token { key_id, .. } = count.found {
                *usage.entry(key_id).or_default() += count.count;
            }
        }
        usage
    }

    /// Returns how many jobs need a key and do not say which.
    #[must_use]
    pub fn unattributed(&self) -> u64 {
        self.legacy() + self.unreadable()
    }

    /// Returns the keys that tokens name and that are not in `keyring`, and how many tokens do.
    #[must_use]
    pub fn unknown_to(&self, keyring: &Keyring) -> BTreeMap<KeyId, u64> {
        let known: BTreeSet<_> = keyring.keys().map(jobcrypt_core::Key::key_id).collect();
        let mut usage = self.usage();
        usage.retain(|id, _| !known.contains(id));
        usage
    }

    /// Returns when the oldest job under this key was made, as the database prints times.
    #[must_use]
    pub fn oldest(&self, key: KeyId) -> Option<&str> {
        let of_key = |it: &&Count| matches!(it.found, Found::Token { key_id, .. } if key_id == key);
        let oldest = self.counts.iter().filter(of_key);
        oldest.filter_map(|it| it.oldest.as_deref()).min()
    }

    /// Says whether a key can be removed from `keyring`, whose primary never can.
    #[must_use]
    pub fn safe_to_remove_from(
        &self,
        keyring: &Keyring,
        key: KeyId,
        verified: Option<&Verified>,
    ) -> SafeToRemove {
        if keyring.primary().key_id() == key {
            return SafeToRemove::Encrypts;
        }
        self.safe_to_remove(key, verified)
    }

    /// Says whether a key that encrypts no more can be removed. Jobs of every state count, also finished ones, which may be
    /// retried by hand for as long as they are there.
    ///
    /// Texts can be planted by whoever writes the table. That may keep a key, never free one: count once
    /// more under the lock of the key repository before it goes.
    #[must_use]
    pub fn safe_to_remove(&self, key: KeyId, verified: Option<&Verified>) -> SafeToRemove {
        if let Some(needed) = self.usage().get(&key) {
            return SafeToRemove::StillNeeded(*needed);
        }
        if let Some(needed) = verified.and_then(|it| it.within().get(&key)) {
            return SafeToRemove::StillNeeded(*needed);
        }
        match self.unattributed() {
            _ if self.is_replica => SafeToRemove::CountedOnReplica,
            0 => SafeToRemove::Yes,
            _ if verified.is_some_and(|it| it.all_open_without(key)) => SafeToRemove::Yes,
            may => SafeToRemove::MayBeNeeded(may),
        }
    }

    fn sum(&self, matches: impl Fn(&Count) -> bool) -> u64 {
        let counts = self.counts.iter().filter(|it| matches(it));
        counts.map(|it| it.count).sum()
    }
}
