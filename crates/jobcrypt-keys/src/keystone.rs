//! Keystone's layout: files named by number, each with the 44 characters of a Fernet key. `0` is
//! staged, the highest is the primary, the others are secondaries.

use jobcrypt_core::{CipherName, SecretKey};
use sha1::{Digest, Sha1};

use crate::{
    KeyRecord, KeyState, Layout, RepositoryError,
    folder::Folder,
    guarded_file::{Contents, Guard},
    key_text,
    manifest::Manifest,
    snapshot::{Snapshot, StoredKey, manifest_path},
};

/// The file of the staged key.
pub(crate) const STAGED: &str = "0";

/// How many keys Keystone keeps for credentials: staged, primary and one secondary.
pub(crate) const MAX_ACTIVE_KEYS: usize = 3;

/// Ten digits, as many as any repository will need.
const HIGHEST: u64 = 9_999_999_999;

/// Returns the number that a file's name is. Python would take `01`, `1_0` and `-3` as well, and with
/// them have two names for one number, so these are none.
pub(crate) fn number(name: &str) -> Option<u64> {
    let is_canonical = name == STAGED
        || (!name.starts_with('0')
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u64 = is_canonical.then(|| name.parse().ok()).flatten()?;
    (number <= HIGHEST).then_some(number)
}

/// Returns the file name that comes after all that are there or were.
pub(crate) fn next_number(snapshot: &Snapshot) -> Result<String, RepositoryError> {
    let archived = snapshot.tombstones.iter().filter_map(|grave| {
        let file = grave.file.as_deref()?;
        number(file.rsplit('/').next()?)
    });
    let used = snapshot.keys().filter_map(|key| number(&key.file));
    let highest = used.chain(archived).max().unwrap_or(0);
    if highest >= HIGHEST {
        return Err(RepositoryError::Overflow {
            path: snapshot.path.clone(),
        });
    }
    Ok((highest + 1).to_string())
}

/// Reads the whole repository.
pub(crate) fn load(folder: &Folder) -> Result<Snapshot, RepositoryError> {
    let manifest = load_manifest(folder)?;
    let mut remarks = Vec::new();
    let files = load_files(folder, &mut remarks)?;
    let keys = with_states(folder, files, &manifest)?;
    let mut snapshot = Snapshot {
        path: folder.path().to_owned(),
        layout: Layout::Keystone,
        cipher: CipherName::FERNET,
        generation: manifest.generation,
        unfinished: manifest.unfinished,
        tombstones: manifest.tombstones.clone(),
        keys,
        remarks,
    };
    // The files have the last word: a key that someone put back is in use.
    let keys = &snapshot.keys;
    snapshot
        .tombstones
        .retain(|grave| keys.iter().all(|key| key.record.id != grave.id));
    for lost in &manifest.keys {
        let is_here = snapshot.key(lost.id).is_some();
        let is_retired = manifest.tombstone(lost.id).is_some();
        if !is_here && !is_retired {
            refuse_lost_primary(&snapshot, lost)?;
            snapshot.remarks.push(format!(
                "key {} was in file {} and is gone; something other than jobcrypt removed it",
                lost.id, lost.file
            ));
        }
    }
    Ok(snapshot)
}

/// Returns what Keystone stores beside a row that it encrypted: SHA-1 over the text of the key's file.
/// A line break that an editor added is part of that text, so both spellings may stand in rows.
pub(crate) fn key_hashes(text: &[u8], secret: &SecretKey) -> Vec<String> {
    let mut hashes = vec![key_hash(text)];
    let canonical = key_hash(key_text::key_as_text(CipherName::FERNET, secret).as_bytes());
    if canonical != hashes[0] {
        hashes.push(canonical);
    }
    hashes
}

/// Says what in a manifest that came in a bundle cannot be.
pub(crate) fn contradiction(manifest: &Manifest) -> Option<String> {
    let mut keys = manifest.keys.iter();
    let primary = keys.clone().find(|key| key.state == KeyState::Primary);
    let Some(highest) = primary.and_then(|key| number(&key.file)) else {
        return Some("no key is the primary".to_owned());
    };
    keys.find_map(|key| {
        let Some(number) = number(&key.file).filter(|_| key.cipher == CipherName::FERNET) else {
            return Some(format!("key {} has no place in Keystone's layout", key.id));
        };
        let is_right = match key.state {
            KeyState::Primary => number == highest,
            KeyState::Secondary => 0 < number && number < highest,
            KeyState::Staged => number == 0,
        };
        let twins = manifest.keys.iter().filter(|other| other.file == key.file);
        (!is_right || twins.count() > 1).then(|| format!("key {} stands in the wrong file", key.id))
    })
}

struct KeyFile {
    number: u64,
    name: String,
    contents: Contents,
    secret: SecretKey,
}

/// A manifest of ours beside Keystone's keys; one that is not there yet is made with the first change.
fn load_manifest(folder: &Folder) -> Result<Manifest, RepositoryError> {
    let Some(contents) = folder.read_if_there(Layout::Keystone.manifest())? else {
        return Ok(Manifest::new(Layout::Keystone, CipherName::FERNET));
    };
    let path = manifest_path(folder.path(), Layout::Keystone);
    let manifest = Manifest::read(&contents.bytes, &path)?;
    if manifest.generation == 0 {
        return Err(RepositoryError::HalfSetUp {
            path: folder.path().to_owned(),
        });
    }
    Ok(manifest)
}

/// Reads the files that are named by number, the highest first.
fn load_files(folder: &Folder, remarks: &mut Vec<String>) -> Result<Vec<KeyFile>, RepositoryError> {
    let mut numbered: Vec<_> = folder
        .names()?
        .into_iter()
        .filter_map(|name| Some((number(&name)?, name)))
        .collect();
    numbered.sort_by(|one, other| other.cmp(one));
    let mut files: Vec<KeyFile> = Vec::new();
    for (number, name) in numbered {
        let contents = folder.read(&name, Guard::Owner)?;
        if contents.bytes.is_empty() {
            refuse_empty_primary(folder, &files, number, &name)?;
            remarks.push(format!("file {name} is empty and was passed by"));
            continue;
        }
        let secret = read_key(folder, &name, &contents, remarks)?;
        files.push(KeyFile {
            number,
            name,
            contents,
            secret,
        });
    }
    Ok(files)
}

/// Keystone passes by an empty file. Above all others it would have been the primary, and encrypting
/// with an older key instead is no answer to a key that was not written whole.
fn refuse_empty_primary(
    folder: &Folder,
    higher: &[KeyFile],
    number: u64,
    name: &str,
) -> Result<(), RepositoryError> {
    if number == 0 || !higher.is_empty() {
        return Ok(());
    }
    Err(RepositoryError::BadKey {
        path: folder.path().join(name),
        why: "the file is empty, and its number makes it the primary".to_owned(),
    })
}

/// Whoever rotates removes the lowest numbers and adds higher ones. Where the primary is gone and nothing higher has
/// come, an older key would encrypt in its place, and its jobs would be lost.
fn refuse_lost_primary(snapshot: &Snapshot, lost: &KeyRecord) -> Result<(), RepositoryError> {
    let is_above = number(&lost.file) > number(&snapshot.primary().file);
    if lost.state != KeyState::Primary || !is_above {
        return Ok(());
    }
    Err(RepositoryError::MissingKey {
        path: snapshot.path.join(&lost.file),
        id: lost.id,
        state: lost.state.as_str(),
    })
}

fn read_key(
    folder: &Folder,
    name: &str,
    contents: &Contents,
    remarks: &mut Vec<String>,
) -> Result<SecretKey, RepositoryError> {
    let bad = |why: String| RepositoryError::BadKey {
        path: folder.path().join(name),
        why,
    };
    let text = key_text::read(&contents.bytes, CipherName::FERNET).map_err(bad)?;
    if text.cipher != CipherName::FERNET {
        return Err(bad("Keystone's layout holds Fernet keys only".to_owned()));
    }
    let odd = text.remarks.iter();
    remarks.extend(odd.map(|remark| format!("the key in {name} {remark}")));
    Ok(text.key)
}

fn with_states(
    folder: &Folder,
    files: Vec<KeyFile>,
    manifest: &Manifest,
) -> Result<Vec<StoredKey>, RepositoryError> {
    let Some(primary_since) = files.first().map(|file| file.contents.modified) else {
        return Err(RepositoryError::NoKeys {
            path: folder.path().to_owned(),
        });
    };
    let mut keys: Vec<StoredKey> = Vec::new();
    for file in files {
        let id = file.secret.id(CipherName::FERNET);
        let twin = keys.iter().find(|key| key.record.id == id);
        if let Some(twin) = twin {
            // Between two steps of a rotation, or of copying a repository, the staged key stands
            // under its new number as well.
            if file.number == 0 && twin.record.state == KeyState::Primary {
                continue;
            }
            return Err(RepositoryError::Duplicate {
                path: folder.path().to_owned(),
                first: twin.record.file.clone(),
                second: file.name,
            });
        }
        let state = match (keys.is_empty(), file.number) {
            (true, _) => KeyState::Primary,
            (false, 0) => KeyState::Staged,
            (false, _) => KeyState::Secondary,
        };
        let known = manifest.record(id);
        // Where only Keystone knows when a key stopped to encrypt, it was at the latest when the
        // primary was made.
        let demoted = known
            .and_then(|record| record.demoted)
            .or(primary_since)
            .filter(|_| state == KeyState::Secondary);
        keys.push(StoredKey {
            record: KeyRecord {
                id,
                cipher: CipherName::FERNET,
                state,
                alias: known.and_then(|record| record.alias.clone()),
                created: known
                    .and_then(|record| record.created)
                    .or(file.contents.modified),
                promoted: known.and_then(|record| record.promoted),
                demoted,
                file: file.name,
            },
            key_hashes: key_hashes(&file.contents.bytes, &file.secret),
            secret: file.secret,
        });
    }
    Ok(keys)
}

fn key_hash(text: &[u8]) -> String {
    Sha1::digest(text)
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_a_number_is_one() {
        for (name, expected) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("12", Some(12)),
            ("9999999999", Some(9_999_999_999)),
        ] {
            assert_eq!(number(name), expected);
        }
        for name in [
            "",
            "00",
            "01",
            "+1",
            "-3",
            "1_0",
            "٣",
            "1.tmp",
            "99.bak",
            "~1",
            "10000000000",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }

    #[test]
    fn the_hash_is_over_the_text_of_the_file() {
        let null = [0; 32].into();
        let text = key_text::key_as_text(CipherName::FERNET, &null);
        assert_eq!(
            key_hash(text.as_bytes()),
            "c5bdc272b97a0d521ef878dc26fb73e4075544dc"
        );
        assert_eq!(key_hashes(text.as_bytes(), &null).len(), 1);
        let with_line_break = format!("{}\n", *text);
        assert_eq!(key_hashes(with_line_break.as_bytes(), &null).len(), 2);
    }
}
