use std::time::SystemTime;

use jobcrypt_core::{CipherName, KeyId, SecretKey};

use crate::{
    KeyRepository, KeyState, Layout, RepositoryError, Snapshot,
    disk::Disk,
    folder::Folder,
    keystone, native, setup,
    snapshot::StoredKey,
    soundness,
    step::{Step, run_all},
};

/// Stages a new key where there is none.
pub(crate) fn run(
    repository: &KeyRepository,
    mut snapshot: Snapshot,
    disk: &dyn Disk,
) -> Result<KeyId, RepositoryError> {
    if let Some(staged) = snapshot.staged() {
        return Err(RepositoryError::AlreadyStaged { id: staged.id });
    }
    let mut steps = free_staged_file(&mut snapshot)?;
    let cipher = snapshot.cipher;
    let staged = next_staged(&repository.folder, &snapshot, cipher, SystemTime::now())?;
    let id = staged.record.id;
    add_and_write(snapshot, staged, &mut steps)?;
    run_all(&steps, disk)?;
    Ok(id)
}

/// Adds a secondary.
pub(crate) fn add(
    snapshot: Snapshot,
    disk: &dyn Disk,
    cipher: CipherName,
    key: SecretKey,
    alias: Option<&str>,
) -> Result<KeyId, RepositoryError> {
    if snapshot.layout == Layout::Keystone {
        return Err(RepositoryError::KeystoneLayout {
            what: "adding a secondary",
            instead: "set up a repository of another layout, or move the jobs of the key first",
        });
    }
    let now = SystemTime::now();
    let mut key = setup::new_key(snapshot.layout, cipher, KeyState::Secondary, key, now);
    key.record.alias = alias.map(str::to_owned);
    let id = key.record.id;
    if let Some(grave) = snapshot.tombstones.iter().find(|grave| grave.id == id) {
        return Err(match grave.destroyed {
            Some(_) => RepositoryError::Destroyed { id },
            None => RepositoryError::Retired { id },
        });
    }
    let mut steps = Vec::new();
    add_and_write(snapshot, key, &mut steps)?;
    run_all(&steps, disk)?;
    Ok(id)
}

/// Returns the key to stage next: one that a rotation wrote before it died, or a new one.
pub(crate) fn next_staged(
    folder: &Folder,
    snapshot: &Snapshot,
    cipher: CipherName,
    now: SystemTime,
) -> Result<StoredKey, RepositoryError> {
    let left = left_behind(folder, snapshot, cipher)?;
    let secret = match left {
        Some(secret) => secret,
        None => SecretKey::generate()?,
    };
    Ok(setup::new_key(
        snapshot.layout,
        cipher,
        KeyState::Staged,
        secret,
        now,
    ))
}

fn left_behind(
    folder: &Folder,
    snapshot: &Snapshot,
    cipher: CipherName,
) -> Result<Option<SecretKey>, RepositoryError> {
    if snapshot.layout == Layout::Keystone {
        return Ok(None);
    }
    let unlisted = native::unlisted(folder, &snapshot.manifest())?;
    let Some((cipher, id)) = unlisted.into_iter().find(|(other, _)| *other == cipher) else {
        return Ok(None);
    };
    let name = native::file_name(cipher, id);
    native::read_key(folder, &name, cipher, id, &mut Vec::new())
}

/// A Keystone repository of the file `0` alone encrypts with it. The key gets a number of its own, so
/// that the file is free.
fn free_staged_file(snapshot: &mut Snapshot) -> Result<Vec<Step>, RepositoryError> {
    if snapshot.keys[0].record.file != keystone::STAGED {
        return Ok(Vec::new());
    }
    snapshot.keys[0].record.file = keystone::next_number(snapshot)?;
    Ok(vec![snapshot.keys[0].written()])
}

fn add_and_write(
    mut snapshot: Snapshot,
    key: StoredKey,
    steps: &mut Vec<Step>,
) -> Result<(), RepositoryError> {
    steps.push(key.written());
    snapshot.keys.push(key);
    snapshot.sort();
    snapshot.generation += 1;
    soundness::check(&snapshot)?;
    steps.push(snapshot.manifest().written());
    Ok(())
}
