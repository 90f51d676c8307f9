//! The context of a token as bytes, and the way it travels with ciphers that do not take any.

use crate::{Error, ErrorKind, JobContext, form::Form};

/// Appends the context: form, purpose, kind, namespace and detail, each behind its length (u16,
/// big-endian), so that no two contexts write the same bytes.
pub(crate) fn write(
    form: Form,
    context: &JobContext<'_>,
    namespace: &str,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let parts = [
        form.as_str(),
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
    out.reserve(total);
    for part in parts {
        out.extend_from_slice(&length_of(part.as_bytes()));
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

/// The length of what stands behind a plaintext.
pub(crate) fn frame_len(associated_data: &[u8]) -> usize {
    associated_data.len() + 3
}

/// Appends the context to a plaintext: `plaintext || context || u16 length || 0x00`. No
/// JSON ends in a zero byte, so the legacy forms, which refuse one that does, never mistake it.
pub(crate) fn frame(associated_data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(associated_data);
    out.extend_from_slice(&length_of(associated_data));
    out.push(0);
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
    // `write` has checked that all parts together fit.
    u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes()
}
