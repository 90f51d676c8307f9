//! A folder with one key in each file, as a mounted Kubernetes secret is. The file `primary` holds the
//! key that encrypts; all others only decrypt.

use jobcrypt_core::CipherName;

use crate::{
    KeySourceError,
    folder::Folder,
    guarded_file::Guard,
    key_text::{self, KeyText},
};

const PRIMARY: &str = "primary";

/// Reads the keys with the names of their files, the one that encrypts first.
pub(crate) fn read(
    folder: &Folder,
    cipher: CipherName,
    guard: Guard,
    remarks: &mut Vec<String>,
) -> Result<Vec<(String, KeyText)>, KeySourceError> {
    let mut keys = Vec::new();
    // Kubernetes keeps what it swaps behind names that begin with a dot.
    let names = folder.names()?.into_iter();
    for name in names.filter(|name| !name.starts_with('.')) {
        let contents = folder.read(&name, guard)?;
        let key =
            key_text::read(&contents.bytes, cipher).map_err(|why| KeySourceError::BadKey {
                place: folder.path().join(&name).display().to_string(),
                position: 1,
                count: 1,
                why,
            })?;
        let odd = key.remarks.iter();
        remarks.extend(odd.map(|remark| format!("the key in {name} {remark}")));
        keys.push((name, key));
    }
    let path = folder.path();
    match keys.iter().position(|(name, _)| name == PRIMARY) {
        Some(primary) => keys[..=primary].rotate_right(1),
        None if keys.is_empty() => {
            return Err(KeySourceError::NoKeys {
                place: path.display().to_string(),
            });
        }
        None if keys.len() > 1 => {
            return Err(KeySourceError::NoPrimary {
                path: path.to_owned(),
            });
        }
        None => {}
    }
    Ok(keys)
}
