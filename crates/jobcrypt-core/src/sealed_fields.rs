use std::borrow::Cow;

use crate::{Error, ErrorKind, field_places::Place, json_scan::JsonScan};

/// What the token of a job's fields holds behind the lists of their paths, which are its head:
/// `[[sealed paths],[bound paths],"digest",pointer,value,...]`.
pub(crate) struct SealedFields<'a> {
    /// In base64; empty where nothing is bound.
    pub(crate) digest: Cow<'a, str>,
    /// Pointers and values, in the order of the pointers.
    values: Vec<(Cow<'a, str>, &'a [u8])>,
}

/// Returns the sealed paths, the bound ones, and what stands behind.
///
/// # Errors
///
/// [`ErrorKind::Malformed`].
pub(crate) fn read_head(sealed: &[u8]) -> Result<([Vec<String>; 2], &[u8]), Error> {
    let read = || {
        let mut scan = JsonScan::new(sealed);
        scan.expect(b'[')?;
        let sealed_paths = serde_json::from_slice(scan.value()?).ok()?;
        scan.expect(b',')?;
        let bound_paths = serde_json::from_slice(scan.value()?).ok()?;
        scan.expect(b',')?;
        Some(([sealed_paths, bound_paths], &sealed[scan.at()..]))
    };
    read().ok_or_else(unreadable)
}

impl<'a> SealedFields<'a> {
    /// Reads what stands behind the head.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`].
    pub(crate) fn read(json: &'a [u8]) -> Result<Self, Error> {
        let read = || {
            let mut scan = JsonScan::new(json);
            let digest = scan.string()?.text()?;
            let mut values = Vec::new();
            while scan.take(b',') {
                let pointer = scan.string()?.text()?;
                scan.expect(b',')?;
                values.push((pointer, scan.value()?));
            }
            scan.expect(b']')?;
            values.sort_unstable();
            let is_twice = values.windows(2).any(|pair| pair[0].0 == pair[1].0);
            (scan.is_at_end() && !is_twice).then_some(Self { digest, values })
        };
        read().ok_or_else(unreadable)
    }

    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }

    /// How long all values are.
    pub(crate) fn len_of_values(&self) -> usize {
        self.values.iter().map(|(_, value)| value.len()).sum()
    }

    pub(crate) fn get(&self, pointer: &str) -> Option<&'a [u8]> {
        let by_pointer = |(it, _): &(Cow<'_, str>, _)| (**it).cmp(pointer);
        let at = self.values.binary_search_by(by_pointer).ok()?;
        Some(self.values[at].1)
    }
}

/// An upper bound of how long [`write`] makes it.
pub(crate) fn len(head: &str, digest: &str, places: &[Place]) -> usize {
    // Two quotes and two commas; a letter of a pointer becomes at most six.
    let fields = places
        .iter()
        .map(|it| it.pointer.len() * 6 + it.value.len() + 4);
    head.len() + digest.len() + fields.sum::<usize>() + 3
}

/// Appends it behind its head.
pub(crate) fn write(head: &str, digest: &str, places: &[Place], args: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(head.as_bytes());
    write_string(digest, out);
    for place in places {
        out.push(b',');
        write_string(&place.pointer, out);
        out.push(b',');
        out.extend_from_slice(&args[place.value.clone()]);
    }
    out.push(b']');
}

/// Appends a text as a string of JSON.
fn write_string(text: &str, out: &mut Vec<u8>) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    }
}

/// The error of a token that holds something else.
pub(crate) fn unreadable() -> Error {
    Error::new(
        ErrorKind::Malformed,
        "the token of their fields does not hold fields",
    )
}
