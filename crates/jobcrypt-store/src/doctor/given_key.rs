//! Whether a key that an app gave to a job shows what is in it.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Shorter values stand in any key by chance.
const SHORTEST: usize = 4;

/// Whether a value of the args stands in the key, or SHA-256 of a value or of all of them, in hexadecimal digits.
pub(super) fn shows(key: &[u8], args: &str) -> bool {
    let Ok(key) = std::str::from_utf8(key) else {
        return false;
    };
    let Ok(value) = serde_json::from_str(args) else {
        return false;
    };
    let mut texts = vec![Zeroizing::new(args.to_owned())];
    add_texts(value, &mut texts);
    let lower = Zeroizing::new(key.to_ascii_lowercase());
    texts.iter().any(|text| {
        text.len() >= SHORTEST && (key.contains(&***text) || lower.contains(&hash(text)))
    })
}

fn hash(text: &str) -> String {
    let digits = Sha256::digest(text);
    digits.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn add_texts(value: Value, texts: &mut Vec<Zeroizing<String>>) {
    match value {
        Value::String(text) => texts.push(Zeroizing::new(text)),
        Value::Number(number) => texts.push(Zeroizing::new(number.to_string())),
        Value::Array(values) => values.into_iter().for_each(|it| add_texts(it, texts)),
        Value::Object(values) => {
            let values = values.into_iter();
            values.for_each(|(_, it)| add_texts(it, texts));
        }
        Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_their_plain_hashes_show_and_keyed_ones_do_not() {
        let args = r#"{"card":{"pan":"41111111"},"cents":1790,"to":["ada"]}"#;
        let of_all = hash(args);
        for (key, is_shown) in [
            ("charge-41111111", true),
            ("1790", true),
            (&*format!("x:{}", hash("41111111").to_uppercase()), true),
            (&*of_all, true),
            ("invoice-7", false),
            // Too short to tell from chance.
            ("ada", false),
            ("jcu1.9oXBVg0e1a3UOpB6K2j1a0eYbAqk4yJ5kF0lCq3bN5g", false),
            ("", false),
        ] {
            assert_eq!(shows(key.as_bytes(), args), is_shown, "{key}");
        }
    }
}
