//! What a rotation will do, decided from a snapshot and the counts before anything is written.

use std::time::{Duration, SystemTime};

use jobcrypt_core::KeyId;
use serde::Serialize;

use crate::{
    KeyRecord, KeyState, Layout, RotateError, Snapshot, Usage, keystone::MAX_ACTIVE_KEYS, text,
};

/// What a rotation does to the keys.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RotationPlan {
    /// The key that is the primary afterwards.
    #[serde(with = "text")]
    pub primary: KeyId,
    /// The key that was the primary before.
    #[serde(with = "text")]
    pub demoted: KeyId,
    /// Secondaries that no job needs; they go to the archive.
    #[serde(serialize_with = "ids")]
    pub retired: Vec<KeyId>,
    /// Secondaries that stay for now.
    pub kept: Vec<Kept>,
    /// Whether this completes a rotation that died, and promotes no further key.
    pub completes: bool,
}

/// A secondary that a rotation leaves where it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Kept {
    /// The key.
    #[serde(with = "text")]
    pub id: KeyId,
    /// Why it stays.
    pub reason: KeptReason,
}

/// Why a secondary stays.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeptReason {
    /// It was the primary so lately that nodes may still encrypt with it.
    Grace,
    /// Nobody counted the jobs.
    NotCounted,
    /// Jobs that name no key may need it.
    Unattributed,
}

/// Decides, or refuses.
pub(crate) fn decide(
    snapshot: &Snapshot,
    usage: &Usage,
    grace: Duration,
    now: SystemTime,
) -> Result<RotationPlan, RotateError> {
    let begun = snapshot
        .unfinished
        .filter(|begun| begun.promoted == snapshot.primary().id);
    let (primary, demoted) = if let Some(begun) = begun {
        (begun.promoted, begun.demoted)
    } else {
        let staged = snapshot.staged().ok_or(RotateError::NoStagedKey)?;
        (staged.id, snapshot.primary().id)
    };
    let mut plan = RotationPlan {
        primary,
        demoted,
        retired: Vec::new(),
        kept: Vec::new(),
        completes: begun.is_some(),
    };
    refuse_needed(snapshot, usage, &plan)?;
    let secondaries = snapshot
        .keys()
        .filter(|key| key.state == KeyState::Secondary && key.id != demoted);
    for key in secondaries {
        match reason_to_keep(key, usage, grace, now) {
            Some(reason) => plan.kept.push(Kept { id: key.id, reason }),
            None => plan.retired.push(key.id),
        }
    }
    refuse_one_too_many(snapshot, usage, grace, now, &plan)?;
    Ok(plan)
}

/// Keystone's check against over-rotation: every job is on the primary.
fn refuse_needed(
    snapshot: &Snapshot,
    usage: &Usage,
    plan: &RotationPlan,
) -> Result<(), RotateError> {
    let (mut in_use, mut retired, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for (id, count) in usage.needed() {
        let state = snapshot.key(id).map(|key| key.record.state);
        match state {
            Some(KeyState::Primary) => {}
            // A rotation that died has made it a secondary, with all its jobs.
            Some(KeyState::Secondary) if plan.completes && id == plan.demoted => {}
            Some(KeyState::Secondary) => in_use.push((id, count)),
            Some(KeyState::Staged) => return Err(RotateError::StagedKeyInUse { id, count }),
            None if snapshot.tombstones.iter().any(|grave| grave.id == id) => {
                retired.push((id, count));
            }
            None => unknown.push((id, count)),
        }
    }
    if !unknown.is_empty() {
        return Err(RotateError::UnknownKeysInUse { counts: unknown });
    }
    if !retired.is_empty() {
        return Err(RotateError::RetiredKeysInUse { counts: retired });
    }
    if !in_use.is_empty() {
        return Err(RotateError::KeysInUse { counts: in_use });
    }
    Ok(())
}

/// A node that does not have the key yet could not open what others seal.
pub(crate) fn refuse_too_young(
    snapshot: &Snapshot,
    least_age: Duration,
    now: SystemTime,
) -> Result<(), RotateError> {
    let staged = snapshot.staged().ok_or(RotateError::NoStagedKey)?;
    let since = staged.created.unwrap_or(SystemTime::UNIX_EPOCH);
    let age = now.duration_since(since).unwrap_or_default();
    match least_age.saturating_sub(age) {
        Duration::ZERO => Ok(()),
        wait => Err(RotateError::StagedTooLately {
            id: staged.id,
            wait,
        }),
    }
}

fn reason_to_keep(
    key: &KeyRecord,
    usage: &Usage,
    grace: Duration,
    now: SystemTime,
) -> Option<KeptReason> {
    match usage {
        Usage::Unknown => Some(KeptReason::NotCounted),
        Usage::Counted { unattributed, .. } if *unattributed > 0 => Some(KeptReason::Unattributed),
        Usage::Counted { .. } => {
            (!left_of_grace(key, grace, now).is_zero()).then_some(KeptReason::Grace)
        }
    }
}

/// Returns how long the key is still kept after it was the primary.
fn left_of_grace(key: &KeyRecord, grace: Duration, now: SystemTime) -> Duration {
    let Some(demoted) = key.demoted else {
        return Duration::ZERO;
    };
    // A date in the future is a clock that went back: the whole grace is left.
    let passed = now.duration_since(demoted).unwrap_or_default();
    grace.saturating_sub(passed)
}

/// In Keystone's layout a secondary that stays is one too many.
fn refuse_one_too_many(
    snapshot: &Snapshot,
    usage: &Usage,
    grace: Duration,
    now: SystemTime,
    plan: &RotationPlan,
) -> Result<(), RotateError> {
    const KEYS_THAT_STAY: usize = MAX_ACTIVE_KEYS - 1;
    let active = KEYS_THAT_STAY + 1 + plan.kept.len();
    let Some(kept) = plan.kept.last() else {
        return Ok(());
    };
    if snapshot.layout != Layout::Keystone || active <= MAX_ACTIVE_KEYS {
        return Ok(());
    }
    let id = kept.id;
    Err(match (kept.reason, usage) {
        (KeptReason::Unattributed, Usage::Counted { unattributed, .. }) => {
            RotateError::Unattributed {
                id,
                count: *unattributed,
            }
        }
        (KeptReason::Grace, _) => RotateError::TooSoon {
            id,
            wait: snapshot
                .key(id)
                .map_or(grace, |key| left_of_grace(&key.record, grace, now)),
        },
        _ => RotateError::NotCounted { id },
    })
}

fn ids<S: serde::Serializer>(ids: &[KeyId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ids.iter().map(KeyId::to_string))
}
