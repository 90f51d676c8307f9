//! The text of one key, as a variable or a file holds it.

use jobcrypt_core::{CipherName, SecretKey};
use zeroize::Zeroizing;

/// One key that was read, and what was odd about its spelling.
pub(crate) struct KeyText {
    pub(crate) cipher: CipherName,
    pub(crate) key: SecretKey,
    pub(crate) remarks: Vec<&'static str>,
}

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads a key, which is one of `cipher` unless it names another as in `fernet:<base64>`.
///
/// Returns why not, without a byte of it.
pub(crate) fn read(bytes: &[u8], cipher: CipherName) -> Result<KeyText, String> {
    let mut remarks = Vec::new();
    let text = str::from_utf8(bytes).map_err(|_| no_text(bytes).to_owned())?;
    let text = strip(text, &mut remarks);
    let (cipher, text) = match text.split_once(':') {
        Some((name, text)) => (named(name)?, strip(text, &mut remarks)),
        None => (cipher, text),
    };
    let key = decode(text, &mut remarks)?;
    Ok(KeyText {
        cipher,
        key,
        remarks,
    })
}

/// Writes a key as [`KeySource`](crate::KeySource) and the libraries of its cipher spell it: 44 characters, URL-safe for Fernet.
///
/// ```
/// use jobcrypt_core::{CipherName, SecretKey};
///
/// let key = SecretKey::generate()?;
/// assert_eq!(jobcrypt_keys::key_as_text(CipherName::FERNET, &key).len(), 44);
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[must_use]
pub fn key_as_text(cipher: CipherName, key: &SecretKey) -> Zeroizing<String> {
    if cipher == CipherName::FERNET {
        Zeroizing::new(base64_simd::URL_SAFE.encode_to_string(key.expose()))
    } else {
        key.to_base64()
    }
}

/// Takes off what editors, shells and secret managers put around a key.
fn strip<'a>(text: &'a str, remarks: &mut Vec<&'static str>) -> &'a str {
    let mut text = text;
    if let Some(rest) = text.strip_prefix(BYTE_ORDER_MARK) {
        remarks.push("began with a byte order mark");
        text = rest;
    }
    if text.trim_matches(' ').len() != text.trim().len() {
        remarks.push("stood beside a line break");
    }
    text = text.trim();
    for quote in ['"', '\''] {
        let unquoted = text
            .strip_prefix(quote)
            .and_then(|text| text.strip_suffix(quote));
        if let Some(unquoted) = unquoted {
            remarks.push("stood in quotes");
            text = unquoted.trim();
        }
    }
    text
}

fn named(name: &str) -> Result<CipherName, String> {
    let ciphers = CipherName::ALL.map(CipherName::as_str).join(", ");
    // What stands before the colon may be part of a key, so it is not repeated.
    name.trim()
        .parse()
        .map_err(|_| format!("what stands before its colon is no cipher; it may be {ciphers}"))
}

fn decode(text: &str, remarks: &mut Vec<&'static str>) -> Result<SecretKey, String> {
    if text.is_empty() {
        return Err("it is empty; is a comma too many?".to_owned());
    }
    if text.contains(char::is_whitespace) {
        return Err("white space stands inside it; is a comma missing?".to_owned());
    }
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("these are hex digits; write it in base64".to_owned());
    }
    let mut bytes = from_base64(text)
        .ok_or("a key is written in base64, and this is not; is part of it missing?")?;
    if let Some(inner) = twice_encoded(&bytes) {
        remarks.push("was written in base64 twice");
        bytes = inner;
    } else if !text.len().is_multiple_of(4) {
        remarks.push("lacks the = at its end");
    }
    SecretKey::from_bytes(&bytes)
        .map_err(|_| format!("a key has 32 bytes, and this one has {}", bytes.len()))
}

/// A secret that was encoded by hand before Kubernetes encoded it.
fn twice_encoded(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let inner = str::from_utf8(bytes).ok()?.trim();
    from_base64(inner).filter(|inner| inner.len() == 32)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let unpadded = text.trim_end_matches('=');
    let has_right_padding = unpadded.len() == text.len() || text.len().is_multiple_of(4);
    let alphabet = if text.contains(['+', '/']) {
        base64_simd::STANDARD_NO_PAD
    } else {
        base64_simd::URL_SAFE_NO_PAD
    };
    has_right_padding
        .then(|| alphabet.decode_to_vec(unpadded).ok())
        .flatten()
        .map(Zeroizing::new)
}

fn no_text(bytes: &[u8]) -> &'static str {
    if bytes.len() == 32 {
        "these are 32 bytes as they are; write them in base64"
    } else {
        "it is not text; a key is written in base64"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "6bPnRfvvS1hZP3g5sLAhKjzBXxvXyJd8eP0WQ4tQKzM=";

    fn remarks(text: &str) -> Vec<&'static str> {
        let read = read(text.as_bytes(), CipherName::FERNET).expect("it is a key");
        assert_eq!(read.key.to_base64().as_str(), KEY);
        read.remarks
    }

    fn refusal(text: &[u8]) -> String {
        match read(text, CipherName::FERNET) {
            Ok(_) => panic!("it is no key"),
            Err(why) => why,
        }
    }

    #[test]
    fn a_key_as_it_should_be_says_nothing() {
        assert!(remarks(KEY).is_empty());
        assert!(remarks(&format!("  {KEY} ")).is_empty());
    }

    #[test]
    fn what_editors_shells_and_secret_managers_add_is_taken_off_and_said() {
        let twice = base64_simd::STANDARD.encode_to_string(format!("{KEY}\n"));
        for (text, remark) in [
            (format!("{KEY}\n"), "stood beside a line break"),
            (format!("{KEY}\r\n"), "stood beside a line break"),
            (
                format!("{BYTE_ORDER_MARK}{KEY}"),
                "began with a byte order mark",
            ),
            (format!("\"{KEY}\""), "stood in quotes"),
            (format!("'{KEY}'"), "stood in quotes"),
            (KEY.trim_end_matches('=').into(), "lacks the = at its end"),
            (twice, "was written in base64 twice"),
        ] {
            assert_eq!(remarks(&text), [remark]);
        }
    }

    #[test]
    fn a_key_may_name_its_cipher() {
        let text = format!("secretbox:{KEY}");
        let read = read(text.as_bytes(), CipherName::FERNET).expect("it is a key");
        assert_eq!(read.cipher, CipherName::SECRETBOX);
    }

    #[test]
    fn a_refusal_says_why_and_shows_no_part_of_the_key() {
        let hex = "8919b04ee546976040c1350f45325b3ff880d842a94ebcd7a4470d2171b6048d";
        for (text, why) in [
            (&b""[..], "empty"),
            (b" \n", "empty"),
            (hex.as_bytes(), "hex"),
            (&[0x89; 32], "32 bytes as they are"),
            (b"c2hvcnQ=", "this one has 5"),
            (b"rot13:c2hvcnQ=", "no cipher"),
            (b"c2hv cnQ=", "white space"),
            (b"c2hv!cnQ=", "base64"),
            (b"c2hvcnQ===", "base64"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(why), "{refusal}");
            assert!(!refusal.contains("c2hv") && !refusal.contains("8919"));
        }
    }
}
