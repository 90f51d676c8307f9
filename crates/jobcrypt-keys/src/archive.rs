//! The way back, and the way out, of a retired key.

use std::time::SystemTime;

use jobcrypt_core::KeyId;

use crate::{
    KeyRecord, KeyState, Layout, RepositoryError, Snapshot, Tombstone,
    disk::Disk,
    folder::Folder,
    keystone, native,
    snapshot::StoredKey,
    step::{Step, archived, run_all},
};

/// Returns the place in the archive for a key. Keystone's numbers are not unique for ever, ids are.
pub(crate) fn place(layout: Layout, record: &KeyRecord) -> String {
    match layout {
        Layout::Keystone => archived(&format!("{}-{}", record.file, record.id)),
        Layout::Native => archived(&record.file),
    }
}

/// Returns the step that a rotation left out when it died: the manifest has a tombstone already, and
/// the file is still where it was.
pub(crate) fn overdue(folder: &Folder, snapshot: &Snapshot) -> Result<Vec<Step>, RepositoryError> {
    let mut steps = Vec::new();
    for grave in &snapshot.tombstones {
        let name = native::file_name(grave.cipher, grave.id);
        if let Some(archived) = &grave.file
            && folder.stat(&name)?.is_some()
        {
            steps.push(Step::Archive {
                name,
                archived: archived.clone(),
            });
        }
    }
    Ok(steps)
}

/// Brings a key back as a secondary.
pub(crate) fn restore(
    folder: &Folder,
    mut snapshot: Snapshot,
    disk: &dyn Disk,
    id: KeyId,
) -> Result<(), RepositoryError> {
    let grave = tombstone(&snapshot, id)?.clone();
    if grave.destroyed.is_some() {
        return Err(RepositoryError::Destroyed { id });
    }
    let Some(archived) = grave.file.clone() else {
        return Err(RepositoryError::Unrecoverable { id });
    };
    let mut steps = Vec::new();
    let record = restored(&snapshot, &grave)?;
    // Moved already where an earlier attempt died behind that.
    let place = if folder.stat(&record.file)?.is_some() {
        record.file.clone()
    } else {
        steps.push(Step::Unarchive {
            archived: archived.clone(),
            name: record.file.clone(),
        });
        archived
    };
    let secret = native::read_key(folder, &place, grave.cipher, id, &mut Vec::new())?
        .ok_or(RepositoryError::Unrecoverable { id })?;
    snapshot.tombstones.retain(|other| other.id != id);
    snapshot.keys.push(StoredKey {
        record,
        secret,
        key_hashes: Vec::new(),
    });
    snapshot.sort();
    snapshot.generation += 1;
    steps.push(snapshot.manifest().written());
    Ok(run_all(&steps, disk)?)
}

/// Removes the bytes of a key. They go before the manifest says so: it must never promise too much.
pub(crate) fn destroy(
    mut snapshot: Snapshot,
    disk: &dyn Disk,
    id: KeyId,
) -> Result<(), RepositoryError> {
    let mut steps = removal(snapshot.layout, tombstone(&snapshot, id)?);
    if steps.is_empty() {
        return Ok(());
    }
    for grave in &mut snapshot.tombstones {
        if grave.id == id {
            grave.file = None;
            grave.destroyed = Some(SystemTime::now());
        }
    }
    snapshot.generation += 1;
    steps.push(snapshot.manifest().written());
    Ok(run_all(&steps, disk)?)
}

/// Returns the steps that remove the bytes of a retired key, none where they are not here.
pub(crate) fn removal(layout: Layout, grave: &Tombstone) -> Vec<Step> {
    let Some(archived) = grave.file.clone() else {
        return Vec::new();
    };
    let mut steps = vec![Step::Remove { name: archived }];
    // There still where a change died before it moved the file.
    if layout == Layout::Native {
        let name = native::file_name(grave.cipher, grave.id);
        steps.push(Step::Remove { name });
    }
    steps
}

fn tombstone(snapshot: &Snapshot, id: KeyId) -> Result<&Tombstone, RepositoryError> {
    let mut graves = snapshot.tombstones.iter();
    graves
        .find(|grave| grave.id == id)
        .ok_or(RepositoryError::NotRetired { id })
}

fn restored(snapshot: &Snapshot, grave: &Tombstone) -> Result<KeyRecord, RepositoryError> {
    let file = match snapshot.layout {
        Layout::Keystone => free_number(snapshot, grave)?,
        Layout::Native => native::file_name(grave.cipher, grave.id),
    };
    Ok(KeyRecord {
        id: grave.id,
        cipher: grave.cipher,
        state: KeyState::Secondary,
        file,
        alias: grave.alias.clone(),
        created: grave.created,
        promoted: None,
        demoted: grave.retired,
    })
}

/// Returns the number that the key had, or another below the primary's: above it, it would encrypt.
fn free_number(snapshot: &Snapshot, grave: &Tombstone) -> Result<String, RepositoryError> {
    let number = |file: &str| keystone::number(file).unwrap_or(0);
    let primary = number(&snapshot.primary().file);
    let had = grave.file.as_deref().map_or(0, |file| {
        let name = file.rsplit('/').next().unwrap_or(file);
        number(name.split('-').next().unwrap_or(name))
    });
    let is_free =
        |wanted: &u64| *wanted > 0 && snapshot.keys().all(|key| number(&key.file) != *wanted);
    [had]
        .into_iter()
        .filter(|had| *had < primary)
        .chain((1..primary).rev())
        .find(is_free)
        .map(|number| number.to_string())
        .ok_or(RepositoryError::KeystoneLayout {
            what: "another secondary",
            instead: "rotate first, so that a number below the primary's is free",
        })
}
