//! A repository as one file, to bring it to another node.

use std::{collections::BTreeMap, path::Path};

use rustix::fs::{AtFlags, CWD, unlinkat};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    KeyRepository, Layout, RepositoryError, Snapshot, folder::Folder, guarded_file, key_text,
    keystone, manifest::Manifest, native, snapshot::StoredKey,
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
}

impl Bundle<'_> {
    fn write(&self, bytes: &mut Vec<u8>) {
        serde_json::to_writer_pretty(bytes, self).expect("ids, dates and keys are always JSON");
    }
}

impl Transfer {
    pub(crate) fn of(snapshot: &Snapshot, has_changed: bool) -> Self {
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
pub(crate) fn parse(
    bytes: &[u8],
    path: &Path,
    folder: &Folder,
) -> Result<Snapshot, RepositoryError> {
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
