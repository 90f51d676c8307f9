use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use jobcrypt_core::{CipherName, SecretKey};
use zeroize::Zeroizing;

use crate::{
    KeyRecord, KeyRepository, KeyState, Layout, RepositoryError,
    disk::Disk,
    folder::Folder,
    key_text,
    lock::Lock,
    manifest::Manifest,
    native,
    snapshot::{Snapshot, StoredKey},
    step::Step,
};

/// How long a setup waits for another one of the same folder.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sets up a repository, or completes the setup of one.
pub(crate) fn run(
    path: &Path,
    layout: Layout,
    cipher: CipherName,
    now: SystemTime,
) -> Result<KeyRepository, RepositoryError> {
    let folder = Folder::make(path)?;
    let _lock = Lock::take(&folder, PATIENCE)?;
    let repository = KeyRepository::in_folder(folder, layout);
    refuse_what_is_there(&repository)?;
    write(&repository.folder, &repository.folder, layout, cipher, now)?;
    Ok(repository)
}

/// Only an empty folder, or one whose setup died, may be written to.
fn refuse_what_is_there(repository: &KeyRepository) -> Result<(), RepositoryError> {
    let path = repository.path().to_owned();
    let Some(layout) = Layout::detect(&repository.folder)? else {
        return Ok(());
    };
    let found = KeyRepository::in_folder(Folder::open(&path)?, layout);
    match found.snapshot() {
        Ok(snapshot) if snapshot.staged().is_some() => Err(RepositoryError::AlreadySetUp { path }),
        Ok(_) => Err(RepositoryError::SetUpOverKeys { path }),
        Err(RepositoryError::HalfSetUp { .. }) if layout == repository.layout => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes the manifest of a repository that is not set up yet, then the keys, then that it is. So keys
/// without any manifest are never taken for the rest of a setup.
pub(crate) fn write(
    folder: &Folder,
    disk: &dyn Disk,
    layout: Layout,
    cipher: CipherName,
    now: SystemTime,
) -> Result<(), RepositoryError> {
    let mut snapshot = Snapshot {
        path: folder.path().to_owned(),
        layout,
        cipher,
        generation: 0,
        unfinished: None,
        keys: Vec::new(),
        tombstones: Vec::new(),
        remarks: Vec::new(),
    };
    let begun = snapshot.manifest();
    begun.written().run(disk)?;
    for state in [KeyState::Primary, KeyState::Staged] {
        let key = left_behind(folder, &begun, &snapshot, state)?;
        let key = match key {
            Some(key) => key,
            None => SecretKey::generate()?,
        };
        let key = new_key(layout, cipher, state, key, now);
        key.written().run(disk)?;
        snapshot.keys.push(key);
    }
    snapshot.generation = 1;
    snapshot.keys[0].record.promoted = Some(now);
    snapshot.manifest().written().run(disk)?;
    Ok(())
}

/// Returns the key that a setup wrote before it died.
fn left_behind(
    folder: &Folder,
    begun: &Manifest,
    so_far: &Snapshot,
    state: KeyState,
) -> Result<Option<SecretKey>, RepositoryError> {
    if begun.layout == Layout::Keystone {
        let name = keystone_file(state);
        let Some(contents) = folder.read_if_there(name)? else {
            return Ok(None);
        };
        let read = key_text::read(&contents.bytes, CipherName::FERNET);
        return read
            .map(|text| Some(text.key))
            .map_err(|why| RepositoryError::BadKey {
                path: folder.path().join(name),
                why,
            });
    }
    let unlisted = native::unlisted(folder, begun)?;
    let left = unlisted
        .iter()
        .find(|(cipher, id)| *cipher == begun.cipher && so_far.key(*id).is_none());
    let Some((cipher, id)) = left else {
        return Ok(None);
    };
    let name = native::file_name(*cipher, *id);
    native::read_key(folder, &name, *cipher, *id, &mut Vec::new())
}

/// Returns a new key with its place in the repository.
pub(crate) fn new_key(
    layout: Layout,
    cipher: CipherName,
    state: KeyState,
    secret: SecretKey,
    now: SystemTime,
) -> StoredKey {
    let id = secret.id(cipher);
    let file = match layout {
        Layout::Keystone => keystone_file(state).to_owned(),
        Layout::Native => native::file_name(cipher, id),
    };
    StoredKey {
        record: KeyRecord {
            id,
            cipher,
            state,
            file,
            alias: None,
            created: Some(now),
            promoted: None,
            demoted: None,
        },
        secret,
        key_hashes: Vec::new(),
    }
}

fn keystone_file(state: KeyState) -> &'static str {
    match state {
        KeyState::Staged => "0",
        KeyState::Primary | KeyState::Secondary => "1",
    }
}

impl StoredKey {
    /// Returns the step that puts the key into its file, without a line break at its end: Keystone's
    /// hash would include it.
    pub(crate) fn written(&self) -> Step {
        let text = key_text::key_as_text(self.record.cipher, &self.secret);
        Step::Write {
            name: self.record.file.clone(),
            contents: Zeroizing::new(text.as_bytes().to_vec()),
        }
    }
}
