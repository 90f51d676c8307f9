use std::fmt::Write;

use base64_simd::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

/// Looks in a dump of a store for a text that must not stand there, in each form in which stores and their
/// dumps write text: as it is, in hexadecimal digits, in base64 at any of three alignments, and with the
/// escapes of JSON. Returns the name of the form in which it was found.
///
/// ```
/// use jobcrypt_testkit::find_canary;
///
/// let canary = "canary-kestrel-4711";
/// assert_eq!(find_canary(b"args: {\"pan\":\"canary-kestrel-4711\"}", canary).as_deref(), Some("as it is"));
/// // What PostgreSQL writes for a column of bytes.
/// let dump = br"\x7b2263616e6172792d6b65737472656c2d34373131227d";
/// assert_eq!(find_canary(dump, canary).as_deref(), Some("in hexadecimal digits"));
/// assert_eq!(find_canary(b"{\"river_encrypt\":\"jc1...\"}", canary), None);
/// ```
///
/// # Panics
///
/// When the canary is shorter than 12 bytes: what is left of it at an alignment of base64 might then stand
/// anywhere.
#[must_use]
pub fn find_canary(dump: &[u8], canary: &str) -> Option<String> {
    assert!(canary.len() >= 12, "a canary has at least 12 bytes");
    let found = |(_, form): &(String, String)| memmem::find(dump, form.as_bytes()).is_some();
    let form = forms(canary).into_iter().find(found);
    form.map(|(name, _)| name)
}

/// The name of each form, and the text.
fn forms(canary: &str) -> Vec<(String, String)> {
    let mut forms = vec![("as it is".to_owned(), canary.to_owned())];
    let hex = hex_of(canary.as_bytes());
    for digits in [hex.to_uppercase(), hex] {
        forms.push(("in hexadecimal digits".to_owned(), digits));
    }
    for before in 0..3 {
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let base64 = alphabet.encode_to_string([&b"xx"[..before], canary.as_bytes()].concat());
            forms.push((
                format!("in base64 behind {before} bytes"),
                whole(before, canary, &base64).to_owned(),
            ));
        }
    }
    let escaped = canary
        .encode_utf16()
        .fold(String::new(), |mut escaped, unit| {
            write!(escaped, "\\u{unit:04x}").expect("text takes text");
            escaped
        });
    let upper = escaped.to_uppercase().replace("\\U", "\\u");
    for escaped in [escaped, upper] {
        forms.push(("with the escapes of JSON".to_owned(), escaped));
    }
    if let Ok(json) = serde_json::to_string(canary) {
        forms.push((
            "with the escapes of JSON".to_owned(),
            json[1..json.len() - 1].to_owned(),
        ));
    }
    forms
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("text takes text");
        hex
    })
}

/// The digits of base64 that depend on the canary alone, wherever it stands: each is 6 bits.
fn whole<'a>(before: usize, canary: &str, base64: &'a str) -> &'a str {
    let first = (before * 8).div_ceil(6);
    let end = (before + canary.len()) * 8 / 6;
    &base64[first..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "canary-kestrel-4711";

    #[test]
    fn it_is_found_in_base64_wherever_it_stands() {
        for before in 0..10 {
            for after in 0..3 {
                let text = format!("{}{CANARY}{}", "?".repeat(before), "~".repeat(after));
                for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let base64 = alphabet.encode_to_string(&text);
                    let form = find_canary(base64.as_bytes(), CANARY);
                    let expected = format!("in base64 behind {} bytes", before % 3);
                    assert_eq!(form, Some(expected), "{text}");
                }
            }
        }
    }

    #[test]
    fn it_is_found_escaped() {
        let canary = "canary \"Zoë\" 4711";
        for text in [
            r#"{"a":"canary \"Zoë\" 4711"}"#,
            r"\u0063\u0061\u006E\u0061\u0072\u0079\u0020\u0022\u005A\u006F\u00EB\u0022\u0020\u0034\u0037\u0031\u0031",
            r"\u0063\u0061\u006e\u0061\u0072\u0079\u0020\u0022\u005a\u006f\u00eb\u0022\u0020\u0034\u0037\u0031\u0031",
        ] {
            let form = find_canary(text.as_bytes(), canary);
            assert_eq!(form.as_deref(), Some("with the escapes of JSON"), "{text}");
        }
    }

    #[test]
    fn what_only_begins_like_it_is_none() {
        assert_eq!(find_canary(b"canary-kestrel-471", CANARY), None);
        assert_eq!(find_canary(b"", CANARY), None);
    }

    #[test]
    #[should_panic(expected = "at least 12")]
    fn a_short_one_is_refused() {
        let _ = find_canary(b"", "4711");
    }
}
