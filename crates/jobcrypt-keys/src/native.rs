//! Our own layout: the manifest says which keys there are.

use jobcrypt_core::{CipherName, KeyId, SecretKey};

use crate::{
    KeyRecord, KeyState, Layout, RepositoryError,
    folder::Folder,
    key_text,
    manifest::Manifest,
    snapshot::{Snapshot, StoredKey, manifest_path},
    step::archived,
};

/// Returns the name of the file that holds a key.
pub(crate) fn file_name(cipher: CipherName, id: KeyId) -> String {
    format!("{cipher}-{id}.key")
}

/// Reads the name of such a file.
pub(crate) fn parts(name: &str) -> Option<(CipherName, KeyId)> {
    // An id may hold a dash itself, and has always as many characters.
    let (cipher, id) = name
        .strip_suffix(".key")?
        .split_at_checked(name.len().checked_sub(27)?)?;
    Some((cipher.parse().ok()?, id.strip_prefix('-')?.parse().ok()?))
}

/// Returns the keys that no manifest names: those that a setup or rotation wrote before it died.
pub(crate) fn unlisted(
    folder: &Folder,
    manifest: &Manifest,
) -> Result<Vec<(CipherName, KeyId)>, RepositoryError> {
    let names = folder.names()?;
    Ok(names
        .iter()
        .filter_map(|name| parts(name))
        .filter(|(_, id)| manifest.record(*id).is_none() && manifest.tombstone(*id).is_none())
        .collect())
}

/// Reads the whole repository.
pub(crate) fn load(folder: &Folder) -> Result<Snapshot, RepositoryError> {
    let path = manifest_path(folder.path(), Layout::Native);
    let Some(contents) = folder.read_if_there(Layout::Native.manifest())? else {
        return Err(RepositoryError::NoManifest { path });
    };
    let manifest = Manifest::read(&contents.bytes, &path)?;
    if manifest.generation == 0 {
        return Err(RepositoryError::HalfSetUp {
            path: folder.path().to_owned(),
        });
    }
    if let Some(why) = contradiction(&manifest) {
        return Err(RepositoryError::ManifestContents { path, why });
    }
    let mut snapshot = Snapshot {
        path: folder.path().to_owned(),
        layout: Layout::Native,
        cipher: manifest.cipher,
        generation: manifest.generation,
        unfinished: manifest.unfinished,
        keys: Vec::new(),
        tombstones: manifest.tombstones,
        remarks: Vec::new(),
    };
    for record in manifest.keys {
        let key = load_key(folder, record, &mut snapshot.remarks)?;
        snapshot.keys.push(key);
    }
    snapshot.sort();
    Ok(snapshot)
}

/// Reads the key in the file `name`, which must be the one that its name says.
pub(crate) fn read_key(
    folder: &Folder,
    name: &str,
    cipher: CipherName,
    id: KeyId,
    remarks: &mut Vec<String>,
) -> Result<Option<SecretKey>, RepositoryError> {
    let Some(contents) = folder.read_if_there(name)? else {
        return Ok(None);
    };
    let bad = |why: String| RepositoryError::BadKey {
        path: folder.path().join(name),
        why,
    };
    let text = key_text::read(&contents.bytes, cipher).map_err(bad)?;
    if text.cipher != cipher || text.key.id(cipher) != id {
        return Err(bad("it holds another key than its name says".to_owned()));
    }
    let odd = text.remarks.iter();
    remarks.extend(odd.map(|remark| format!("the key in {name} {remark}")));
    Ok(Some(text.key))
}

fn load_key(
    folder: &Folder,
    record: KeyRecord,
    remarks: &mut Vec<String>,
) -> Result<StoredKey, RepositoryError> {
    let secret = read_key(folder, &record.file, record.cipher, record.id, remarks)?;
    let Some(secret) = secret else {
        return Err(RepositoryError::MissingKey {
            path: folder.path().join(&record.file),
            id: record.id,
            state: record.state.as_str(),
        });
    };
    Ok(StoredKey {
        record,
        secret,
        key_hashes: Vec::new(),
    })
}

/// Says what in a manifest cannot be. Names of files are derived, so that none leads elsewhere.
pub(crate) fn contradiction(manifest: &Manifest) -> Option<String> {
    let count = |state| {
        manifest
            .keys
            .iter()
            .filter(|key| key.state == state)
            .count()
    };
    match count(KeyState::Primary) {
        1 => {}
        0 => return Some("no key is the primary".to_owned()),
        _ => return Some("two keys are the primary".to_owned()),
    }
    if count(KeyState::Staged) > 1 {
        return Some("two keys are staged".to_owned());
    }
    for (position, key) in manifest.keys.iter().enumerate() {
        if manifest.keys[..position]
            .iter()
            .any(|other| other.id == key.id)
        {
            return Some(format!("key {} stands twice", key.id));
        }
        if manifest.tombstone(key.id).is_some() {
            return Some(format!("key {} is in use and retired", key.id));
        }
        if key.file != file_name(key.cipher, key.id) {
            return Some(format!("the file of key {} has another name", key.id));
        }
    }
    manifest
        .tombstones
        .iter()
        .find(|grave| {
            let file = archived(&file_name(grave.cipher, grave.id));
            grave.file.as_ref().is_some_and(|named| *named != file)
        })
        .map(|grave| format!("the archived file of key {} has another name", grave.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_can_be_read_back() {
        for cipher in CipherName::ALL {
            let id = KeyId::from_bytes([0xfb; 16]);
            assert_eq!(parts(&file_name(cipher, id)), Some((cipher, id)));
        }
        for name in [
            "",
            ".key",
            "x.key",
            "manifest.json",
            "é23456789012345678901234567.key",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
    }
}
