//! The context of a token as bytes, and the way it travels with ciphers that do not take any.

use zeroize::Zeroizing;

use crate::{Error, ErrorKind, JobContext, envelope};

/// Writes the context: form, purpose, kind, namespace and detail, each behind its length (u16,
/// big-endian), so that no two contexts write the same bytes.
pub(crate) fn of(context: &JobContext<'_>, namespace: &str) -> Result<Vec<u8>, Error> {
    let parts = [
        envelope::FORM,
        context.purpose().as_str(),
        context.kind(),
        namespace,
        context.detail(),
    ];
    let total: usize = parts.iter().map(|part| part.len() + 2).sum();
    if total > usize::from(u16::MAX) {
        return Err(Error::new(
            ErrorKind::InvalidConfiguration,
            "kind, namespace and detail together are longer than 65,000 bytes",
        ));
    }
    let mut bytes = Vec::with_capacity(total);
    for part in parts {
        bytes.extend_from_slice(&length_of(part.as_bytes()));
        bytes.extend_from_slice(part.as_bytes());
    }
    Ok(bytes)
}

/// Puts the context behind the plaintext: `plaintext || context || u16 length || 0x00`. No JSON
/// ends in a zero byte, so the legacy forms, which refuse one that does, never mistake it.
pub(crate) fn append_to(plaintext: &[u8], associated_data: &[u8]) -> Zeroizing<Vec<u8>> {
    // Never grown, so no copy of the plaintext is left behind unwiped.
    let mut framed = Zeroizing::new(Vec::with_capacity(
        plaintext.len() + associated_data.len() + 3,
    ));
    framed.extend_from_slice(plaintext);
    framed.extend_from_slice(associated_data);
    framed.extend_from_slice(&length_of(associated_data));
    framed.push(0);
    framed
}

/// Takes the context from behind the plaintext; whether it was the expected one.
pub(crate) fn strip_from(framed: &mut Vec<u8>, associated_data: &[u8]) -> bool {
    let [high, low] = length_of(associated_data);
    let Some(plaintext) = framed
        .strip_suffix(&[high, low, 0])
        .and_then(|rest| rest.strip_suffix(associated_data))
    else {
        return false;
    };
    framed.truncate(plaintext.len());
    true
}

/// Whether a decrypted text carries a context, and so was not written in a legacy form.
pub(crate) fn is_framed(plaintext: &[u8]) -> bool {
    plaintext.last() == Some(&0)
}

fn length_of(part: &[u8]) -> [u8; 2] {
    // `of` has checked that all parts together fit.
    u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes()
}
