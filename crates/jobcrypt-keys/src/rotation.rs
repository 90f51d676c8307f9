use std::time::{Duration, SystemTime};

use jobcrypt_core::{AuditEvent, CipherName, KeyId};
use serde::Serialize;

use crate::{
    KeyRepository, KeyState, Layout, RepositoryError, RotateError, RotationPlan, Snapshot,
    Tombstone, Usage, archive,
    disk::{Disk, TEMPORARY},
    folder::Folder,
    keystone,
    lock::Lock,
    manifest::Unfinished,
    rotation_plan, soundness, stage,
    step::{Step, run_all},
    text,
};

/// A rotation that holds the repository's lock; made by [`KeyRepository::begin_rotation`].
///
/// Nothing is written before [`commit`](Self::commit), and a rotation that is dropped leaves all as it
/// was. Whoever counts jobs counts them now: no other rotation can come in between.
#[derive(Debug)]
#[must_use = "a rotation happens at `commit`"]
pub struct Rotation<'r> {
    repository: &'r KeyRepository,
    snapshot: Snapshot,
    cipher: CipherName,
    grace: Duration,
    least_age: Duration,
    now: SystemTime,
    _lock: Lock,
}

/// What a rotation did.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rotated {
    /// The key that encrypts now.
    #[serde(with = "text")]
    pub primary: KeyId,
    /// The key that encrypts after the next rotation. Bring it to every node before that.
    #[serde(with = "text")]
    pub staged: KeyId,
    /// How often the repository was changed by now.
    pub generation: u64,
    /// What became of the keys.
    pub plan: RotationPlan,
}

/// Long enough for every node to have read its keys again, and for what it sealed before to be stored.
const GRACE: Duration = Duration::from_secs(60 * 60);

impl<'r> Rotation<'r> {
    pub(crate) fn begin(
        repository: &'r KeyRepository,
        lock: Lock,
        now: SystemTime,
    ) -> Result<Self, RepositoryError> {
        let snapshot = repository.snapshot()?;
        soundness::check(&snapshot)?;
        Ok(Self {
            repository,
            cipher: snapshot.cipher,
            snapshot,
            grace: GRACE,
            least_age: Duration::ZERO,
            now,
            _lock: lock,
        })
    }

    /// Returns the keys as they are before the rotation.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Keeps a key for this long after it stopped to be the primary, even if no job needs it: a node
    /// with older keys may still encrypt with it. An hour unless set.
    pub const fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Refuses to promote a key that was staged less than this long ago: time for every node to get it. None unless
    /// set.
    pub const fn with_least_age(mut self, least_age: Duration) -> Self {
        self.least_age = least_age;
        self
    }

    /// Makes the keys that are staged from now on keys of `cipher`. Keystone's layout knows Fernet only.
    pub const fn with_cipher(mut self, cipher: CipherName) -> Self {
        self.cipher = cipher;
        self
    }

    /// Returns what [`commit`](Self::commit) would do.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](Self::commit), except for what goes wrong while it writes.
    pub fn plan(&self, usage: &Usage) -> Result<RotationPlan, RotateError> {
        let is_keystone = self.snapshot.layout == Layout::Keystone;
        if is_keystone && self.cipher != CipherName::FERNET {
            return Err(RotateError::Repository(RepositoryError::KeystoneLayout {
                what: "a key of another cipher than Fernet",
                instead: "set up a repository of another layout",
            }));
        }
        let plan = rotation_plan::decide(&self.snapshot, usage, self.grace, self.now)?;
        if !plan.completes {
            rotation_plan::refuse_too_young(&self.snapshot, self.least_age, self.now)?;
        }
        Ok(plan)
    }

    /// Makes the staged key the primary and the primary a secondary, stages a new key, and retires the
    /// secondaries that no job needs.
    ///
    /// # Errors
    ///
    /// [`RotateError`], saying which, when jobs still need a key other than the primary, or there is
    /// nothing to promote: nothing was written then. [`RotateError::Repository`] when a file could not be
    /// written: no key is lost, and the next rotation completes this one.
    pub fn commit(self, usage: &Usage) -> Result<Rotated, RotateError> {
        let repository = self.repository;
        let committed = self.commit_on(&repository.folder, usage);
        match &committed {
            Ok(rotated) => {
                for key_id in rotated.plan.retired.iter().copied() {
                    repository.record(&AuditEvent::KeyRetired { key_id });
                }
                let (primary, staged) = (rotated.primary, rotated.staged);
                repository.record(&AuditEvent::KeyPromoted { key_id: primary });
                repository.record(&AuditEvent::KeyStaged { key_id: staged });
            }
            Err(RotateError::Repository(_)) => {}
            Err(refusal) => repository.record(&AuditEvent::RotateRefused {
                jobs: refusal.jobs(),
            }),
        }
        committed
    }

    /// Keeps the lock to its end: `self` is dropped behind the last step.
    pub(crate) fn commit_on(
        mut self,
        disk: &dyn Disk,
        usage: &Usage,
    ) -> Result<Rotated, RotateError> {
        let plan = self.plan(usage)?;
        let (steps, rotated) = self.steps(plan)?;
        run_all(&steps, disk)?;
        Ok(rotated)
    }

    fn steps(&mut self, plan: RotationPlan) -> Result<(Vec<Step>, Rotated), RotateError> {
        let folder = &self.repository.folder;
        let mut steps = leftovers(folder)?;
        steps.extend(archive::overdue(folder, &self.snapshot)?);
        let new_staged = if plan.completes && self.snapshot.staged().is_some() {
            None
        } else {
            let snapshot = &self.snapshot;
            Some(stage::next_staged(folder, snapshot, self.cipher, self.now)?)
        };
        self.snapshot.cipher = self.cipher;
        self.snapshot.generation += 1;
        self.snapshot.unfinished = Some(Unfinished {
            promoted: plan.primary,
            demoted: plan.demoted,
        });
        if !plan.completes {
            self.promote(&plan, &mut steps)?;
        }
        if let Some(new) = new_staged {
            steps.push(new.written());
            self.snapshot.keys.push(new);
        }
        self.snapshot.sort();
        let archiving = self.retire(&plan);
        if !archiving.is_empty() {
            steps.push(self.snapshot.manifest().written());
            steps.extend(archiving);
        }
        self.snapshot.unfinished = None;
        steps.push(self.snapshot.manifest().written());
        let rotated = Rotated {
            primary: plan.primary,
            staged: self.snapshot.staged().ok_or(RotateError::NoStagedKey)?.id,
            generation: self.snapshot.generation,
            plan,
        };
        Ok((steps, rotated))
    }

    /// In Keystone's layout the files are the states, so what is about to happen is written down first.
    /// The promoted key is written once more, under its number, before a new one takes the file `0`:
    /// there is no moment without a staged key.
    fn promote(&mut self, plan: &RotationPlan, steps: &mut Vec<Step>) -> Result<(), RotateError> {
        let number = match self.snapshot.layout {
            Layout::Keystone => {
                steps.push(self.snapshot.manifest().written());
                Some(keystone::next_number(&self.snapshot)?)
            }
            Layout::Native => None,
        };
        for key in &mut self.snapshot.keys {
            if key.record.id == plan.demoted {
                key.record.state = KeyState::Secondary;
                key.record.demoted = Some(self.now);
            } else if key.record.id == plan.primary {
                key.record.state = KeyState::Primary;
                key.record.promoted = Some(self.now);
                if let Some(number) = &number {
                    key.record.file.clone_from(number);
                    steps.push(key.written());
                }
            }
        }
        Ok(())
    }

    /// Puts tombstones in the place of keys and returns the steps that move their files.
    fn retire(&mut self, plan: &RotationPlan) -> Vec<Step> {
        let layout = self.snapshot.layout;
        let (retired, keys): (Vec<_>, Vec<_>) = std::mem::take(&mut self.snapshot.keys)
            .into_iter()
            .partition(|key| plan.retired.contains(&key.record.id));
        self.snapshot.keys = keys;
        let mut steps = Vec::new();
        for key in retired {
            let archived = archive::place(layout, &key.record);
            steps.push(Step::Archive {
                name: key.record.file,
                archived: archived.clone(),
            });
            self.snapshot.tombstones.push(Tombstone {
                id: key.record.id,
                cipher: key.record.cipher,
                file: Some(archived),
                alias: key.record.alias,
                created: key.record.created,
                retired: Some(self.now),
                destroyed: None,
            });
        }
        steps
    }
}

/// Returns the steps that remove what earlier changes left when they died.
fn leftovers(folder: &Folder) -> Result<Vec<Step>, RepositoryError> {
    let names = folder.names()?.into_iter();
    Ok(names
        .filter(|name| name.starts_with(TEMPORARY))
        .map(|name| Step::Remove { name })
        .collect())
}
