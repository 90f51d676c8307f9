//! A repository as one file, to bring it to another node.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, SystemTime},
};

use jobcrypt_core::KeyId;
use rustix::fs::{AtFlags, CWD, unlinkat};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    KeyRepository, Layout, RepositoryError, Snapshot, archive,
    folder::Folder,
    guarded_file::{self, Guard},
    key_text, keystone,
    lock::Lock,
    manifest::Manifest,
    native,
    snapshot::StoredKey,
    soundness,
    step::{Step, run_all},
};

/// What was exported or imported.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Transfer {
    /// The generation of the repository.
    pub generation: u64,
    /// The fingerprint of its keys: the same here and there.
    pub fingerprint: String,
    /// How many keys there are.
    pub keys: usize,
    /// Whether anything was written.
    pub has_changed: bool,
}

#[derive(Serialize, Deserialize)]
struct Bundle<'b> {
    format: Format,
    fingerprint: String,
    manifest: Manifest,
    /// Borrowed from the bytes of the file, which are wiped.
    #[serde(borrow)]
    keys: BTreeMap<String, &'b str>,
}

#[derive(Serialize, Deserialize)]
enum Format {
    #[serde(rename = "jobcrypt-bundle/1")]
    V1,
}

/// Room for one key and what is known of it, so that the bundle is not copied while it grows.
const BYTES_FOR_A_KEY: usize = 2048;
const PATIENCE: Duration = Duration::from_secs(5);

impl KeyRepository {
    /// Writes all keys in use, and the tombstones, into one new file, mode 0600. Whoever can read it has
    /// the keys. Archived keys stay here.
    ///
    /// # Errors
    ///
    /// Those of [`snapshot`](Self::snapshot); [`RepositoryError::File`] when there is a file already or it
    /// cannot be written.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().expect("a folder");
    /// # let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    /// # let bundle = folder.path().join("bundle");
    /// # use jobcrypt_keys::KeyRepository;
    /// let repository = KeyRepository::setup_keystone(&here)?;
    /// let exported = repository.export(&bundle)?;
    /// let imported = KeyRepository::import(&there, &bundle)?;
    /// assert_eq!(exported.fingerprint, imported.fingerprint);
    /// # Ok::<(), jobcrypt_keys::RepositoryError>(())
    /// ```
    pub fn export(&self, bundle: impl AsRef<Path>) -> Result<Transfer, RepositoryError> {
        let snapshot = self.snapshot()?;
        let texts: Vec<_> = snapshot
            .keys
            .iter()
            .map(|key| {
                (
                    key.record.id,
                    key_text::key_as_text(key.record.cipher, &key.secret),
                )
            })
            .collect();
        let document = Bundle {
            format: Format::V1,
            fingerprint: snapshot.fingerprint(),
            manifest: snapshot.manifest(),
            keys: texts
                .iter()
                .map(|(id, text)| (id.to_string(), text.as_str()))
                .collect(),
        };
        let entries = snapshot.keys.len() + snapshot.tombstones.len() + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(entries * BYTES_FOR_A_KEY));
        document.write(&mut bytes);
        write_new(bundle.as_ref(), &bytes)?;
        Ok(Transfer::of(&snapshot, true))
    }

    /// Makes the repository at `path` the one that a bundle holds; makes it where there is none.
    ///
    /// In Keystone's layout the highest number is written first and `0` last, so that a reader never
    /// misses the key that another node encrypts with.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Older`] when the repository was changed after the bundle was made,
    /// [`RepositoryError::Diverged`] when it holds a key that the bundle does not know. Nothing is
    /// written then.
    pub fn import(
        path: impl AsRef<Path>,
        bundle: impl AsRef<Path>,
    ) -> Result<Transfer, RepositoryError> {
        let bundle = bundle.as_ref();
        let contents = guarded_file::read(CWD, bundle, bundle.to_owned(), Guard::Owner)?;
        let folder = Folder::make(path.as_ref())?;
        let _lock = Lock::take(&folder, PATIENCE)?;
        let mut incoming = parse(&contents.bytes, bundle, &folder)?;
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
            {
                return Ok(Transfer::of(&incoming, false));
            }
        }
        // The primary comes first and the staged key last: in Keystone's layout, the highest number first
        // and `0` last.
        steps.extend(incoming.keys.iter().map(StoredKey::written));
        let leaving = here.map(|here| leaving(&here, &mut incoming));
        steps.push(incoming.manifest().written());
        steps.extend(leaving.into_iter().flatten());
        run_all(&steps, &folder)?;
        Ok(Transfer::of(&incoming, true))
    }
}

impl Bundle<'_> {
    fn write(&self, bytes: &mut Vec<u8>) {
        serde_json::to_writer_pretty(bytes, self).expect("ids, dates and keys are always JSON");
    }
}

impl Transfer {
    fn of(snapshot: &Snapshot, has_changed: bool) -> Self {
        Self {
            generation: snapshot.generation,
            fingerprint: snapshot.fingerprint(),
            keys: snapshot.keys.len(),
            has_changed,
        }
    }
}

/// Writes the bundle; half of one is removed again.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), RepositoryError> {
    let written = guarded_file::create(CWD, path, path, bytes);
    if let Err(error) = written {
        if !error.is_there_already() {
            let _ = unlinkat(CWD, path, AtFlags::empty());
        }
        return Err(error.into());
    }
    Ok(())
}

/// Reads a bundle, and checks that each key is the one whose id it has.
fn parse(bytes: &[u8], path: &Path, folder: &Folder) -> Result<Snapshot, RepositoryError> {
    let bundle: Bundle<'_> =
        serde_json::from_slice(bytes).map_err(|error| RepositoryError::Bundle {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
        })?;
    let Bundle {
        format: Format::V1,
        fingerprint,
        manifest,
        keys,
    } = bundle;
    let wrong = |why: String| RepositoryError::ManifestContents {
        path: path.to_owned(),
        why,
    };
    let contradiction = match manifest.layout {
        Layout::Keystone => keystone::contradiction(&manifest),
        Layout::Native => native::contradiction(&manifest),
    };
    if let Some(why) = contradiction {
        return Err(wrong(why));
    }
    let mut snapshot = Snapshot {
        path: folder.path().to_owned(),
        layout: manifest.layout,
        cipher: manifest.cipher,
        generation: manifest.generation,
        unfinished: None,
        keys: Vec::new(),
        tombstones: manifest.tombstones,
        remarks: Vec::new(),
    };
    for record in manifest.keys {
        let text = keys
            .get(&record.id.to_string())
            .ok_or_else(|| wrong(format!("key {} is missing", record.id)))?;
        let text = key_text::read(text.as_bytes(), record.cipher).map_err(&wrong)?;
        if text.key.id(record.cipher) != record.id {
            return Err(wrong(format!("key {} is another one", record.id)));
        }
        snapshot.keys.push(StoredKey {
            record,
            secret: text.key,
            key_hashes: Vec::new(),
        });
    }
    snapshot.sort();
    if snapshot.fingerprint() != fingerprint {
        return Err(wrong("the fingerprint is that of other keys".to_owned()));
    }
    // What is archived there is not archived here.
    for grave in &mut snapshot.tombstones {
        grave.file = None;
    }
    Ok(snapshot)
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
    match here.keys().find(|key| !is_known(key.id)) {
        Some(key) => Err(RepositoryError::Diverged {
            id: key.id,
            state: key.state.as_str(),
        }),
        None => Ok(()),
    }
}

/// Returns the steps that take away what the bundle has no longer: retired keys go to the archive.
fn leaving(here: &Snapshot, incoming: &mut Snapshot) -> Vec<Step> {
    let mut steps = Vec::new();
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
        }
    }
    let named: Vec<_> = incoming.keys().map(|key| key.file.as_str()).collect();
    let moved = here
        .keys()
        .filter(|key| incoming.key(key.id).is_some() && !named.contains(&key.file.as_str()));
    steps.extend(moved.map(|key| Step::Remove {
        name: key.file.clone(),
    }));
    steps
}
