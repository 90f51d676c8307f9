//! A repository that follows a bundle.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use jobcrypt_core::KeyId;
use rustix::fs::CWD;

use crate::{
    KeyRepository, Layout, RepositoryError, Snapshot, Transfer, archive, bundle,
    folder::Folder,
    guarded_file::{self, Guard},
    keystone,
    lock::Lock,
    manifest::Manifest,
    native,
    snapshot::StoredKey,
    soundness,
    step::{Step, run_all},
};

const PATIENCE: Duration = Duration::from_secs(5);

impl KeyRepository {
    /// Makes the repository at `path` the one that a bundle holds; makes it where there is none.
    ///
    /// In Keystone's layout the highest number is written first and `0` last, so that a reader never
    /// misses the key that another node encrypts with.
    ///
    /// A key that was destroyed there is destroyed here too.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Older`] when the repository was changed after the bundle was made,
    /// [`RepositoryError::Diverged`] when it holds a key that the bundle does not know,
    /// [`RepositoryError::Destroyed`] when the bundle uses a key that was destroyed here. Nothing is
    /// written then.
    pub fn import(
        path: impl AsRef<Path>,
        bundle: impl AsRef<Path>,
    ) -> Result<Transfer, RepositoryError> {
        let file = bundle.as_ref();
        let contents = guarded_file::read(CWD, file, file.to_owned(), Guard::Owner)?;
        let folder = Folder::make(path.as_ref())?;
        let _lock = Lock::take(&folder, PATIENCE)?;
        let mut incoming = bundle::parse(&contents.bytes, file, &folder)?;
        soundness::check(&incoming)?;
        let here = present(&folder, incoming.layout)?;
        let mut steps = Vec::new();
        if here.is_none() {
            // Like a setup, so that an import that dies is completed by the next.
            let begun = Manifest::new(incoming.layout, incoming.cipher);
            steps.push(begun.written());
        }
        if let Some(here) = &here {
            refuse_loss(here, &incoming)?;
            if here.generation == incoming.generation
                && here.fingerprint() == incoming.fingerprint()
                && !holds_destroyed(here, &incoming)
            {
                return Ok(Transfer::of(&incoming, false));
            }
        }
        // The primary comes first and the staged key last: in Keystone's layout, the highest number first
        // and `0` last.
        steps.extend(incoming.keys.iter().map(StoredKey::written));
        let leaving = here.map(|here| leaving(&here, &mut incoming));
        let (left, destroyed) = leaving.unwrap_or_default();
        steps.push(incoming.manifest().written());
        steps.extend(left);
        if !destroyed.is_empty() {
            steps.extend(destroy(&mut incoming, &destroyed));
            steps.push(incoming.manifest().written());
        }
        run_all(&steps, &folder)?;
        Ok(Transfer::of(&incoming, true))
    }
}

/// Returns what is in the folder, if anything.
fn present(folder: &Folder, layout: Layout) -> Result<Option<Snapshot>, RepositoryError> {
    match Layout::detect(folder)? {
        None => Ok(None),
        Some(found) if found != layout => Err(RepositoryError::OtherLayout {
            bundle: layout.as_str(),
            here: found.as_str(),
        }),
        Some(Layout::Keystone) => complete(keystone::load(folder)),
        Some(Layout::Native) => complete(native::load(folder)),
    }
}

/// No reader takes keys of a setup that was not completed, so nothing is sealed with them.
fn complete(
    loaded: Result<Snapshot, RepositoryError>,
) -> Result<Option<Snapshot>, RepositoryError> {
    match loaded {
        Err(RepositoryError::HalfSetUp { .. }) => Ok(None),
        other => other.map(Some),
    }
}

fn refuse_loss(here: &Snapshot, incoming: &Snapshot) -> Result<(), RepositoryError> {
    if incoming.generation < here.generation {
        return Err(RepositoryError::Older {
            bundle: incoming.generation,
            here: here.generation,
        });
    }
    let is_known = |id: KeyId| {
        let is_retired = incoming.tombstones.iter().any(|grave| grave.id == id);
        is_retired || incoming.key(id).is_some()
    };
    if let Some(key) = here.keys().find(|key| !is_known(key.id)) {
        return Err(RepositoryError::Diverged {
            id: key.id,
            state: key.state.as_str(),
        });
    }
    let mut destroyed = here.tombstones.iter().filter(|it| it.destroyed.is_some());
    match destroyed.find(|grave| incoming.key(grave.id).is_some()) {
        Some(grave) => Err(RepositoryError::Destroyed { id: grave.id }),
        None => Ok(()),
    }
}

/// Whether bytes are here of a key that was destroyed there: an import died before it removed them.
fn holds_destroyed(here: &Snapshot, incoming: &Snapshot) -> bool {
    let mut graves = here.tombstones.iter().filter(|grave| grave.file.is_some());
    graves.any(|grave| {
        let mut there = incoming.tombstones.iter();
        there.any(|other| other.id == grave.id && other.destroyed.is_some())
    })
}

/// When a key was destroyed elsewhere of which the bytes are here.
type Destroyed = (KeyId, SystemTime);

/// Returns the steps that take away what the bundle has no longer: retired keys go to the archive. Those that were
/// destroyed are returned too, and no tombstone says so yet: their bytes go last.
fn leaving(here: &Snapshot, incoming: &mut Snapshot) -> (Vec<Step>, Vec<Destroyed>) {
    let (mut steps, mut destroyed) = (Vec::new(), Vec::new());
    for grave in &mut incoming.tombstones {
        if let Some(key) = here.key(grave.id) {
            let archived = archive::place(here.layout, &key.record);
            steps.push(Step::Archive {
                name: key.record.file.clone(),
                archived: archived.clone(),
            });
            grave.file = Some(archived);
            grave.retired = grave.retired.or(Some(SystemTime::now()));
        } else if let Some(known) = here.tombstones.iter().find(|known| known.id == grave.id) {
            grave.file.clone_from(&known.file);
            grave.destroyed = grave.destroyed.or(known.destroyed);
        }
        if grave.file.is_some()
            && let Some(date) = grave.destroyed.take()
        {
            destroyed.push((grave.id, date));
        }
    }
    let named: Vec<_> = incoming.keys().map(|key| key.file.as_str()).collect();
    let moved = here
        .keys()
        .filter(|key| incoming.key(key.id).is_some() && !named.contains(&key.file.as_str()));
    steps.extend(moved.map(|key| Step::Remove {
        name: key.file.clone(),
    }));
    (steps, destroyed)
}

/// Returns the steps that remove the bytes of these keys, and notes in their tombstones that they are gone.
fn destroy(incoming: &mut Snapshot, destroyed: &[Destroyed]) -> Vec<Step> {
    let mut steps = Vec::new();
    for grave in &mut incoming.tombstones {
        if let Some((_, date)) = destroyed.iter().find(|(id, _)| *id == grave.id) {
            steps.extend(archive::removal(incoming.layout, grave));
            grave.file = None;
            grave.destroyed = Some(*date);
        }
    }
    steps
}
