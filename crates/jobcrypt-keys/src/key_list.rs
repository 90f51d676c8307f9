//! A list of keys as one text: separated by commas or lines, the newest first.

use jobcrypt_core::CipherName;

use crate::{
    KeySourceError,
    key_text::{self, KeyText},
};

/// Reads the list that stands in `place`. Keys that name no cipher are ones of `cipher`.
pub(crate) fn read(
    text: &[u8],
    place: &str,
    cipher: CipherName,
    remarks: &mut Vec<String>,
) -> Result<Vec<KeyText>, KeySourceError> {
    let whole = text.trim_ascii();
    if whole.is_empty() {
        return Err(KeySourceError::NoKeys {
            place: place.to_owned(),
        });
    }
    let parts = parts(text, remarks, place);
    let count = parts.len();
    let mut keys = Vec::with_capacity(count);
    for (at, part) in parts.into_iter().enumerate() {
        let position = at + 1;
        let key = key_text::read(part, cipher).map_err(|why| KeySourceError::BadKey {
            place: place.to_owned(),
            position,
            count,
            why,
        })?;
        for remark in &key.remarks {
            remarks.push(format!("key {position} of {count} in {place} {remark}"));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// One comma anywhere makes it a list of commas, in which line breaks are spelling and no separator.
fn parts<'t>(text: &'t [u8], remarks: &mut Vec<String>, place: &str) -> Vec<&'t [u8]> {
    if text.contains(&b',') {
        return text.split(|byte| *byte == b',').collect();
    }
    let lines: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.len() == 1 {
        // The remark about the line break is the key's own.
        return vec![text];
    }
    remarks.push(format!(
        "{place} holds one key a line; the first one encrypts"
    ));
    lines
}
