//! Thousands of random messages between the crates and two other readers and writers, in Python and in
//! Go, which were written from docs/format.md and share no code with them.

use base64_simd::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jobcrypt::{Encryptor, Envelope, LegacyForm};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::{
    message::{Message, Messages, Outcome},
    reader::Reader,
};

mod go;
mod message;
#[path = "../named.rs"]
mod named;
#[path = "../python.rs"]
mod python;
mod reader;

/// All but AES-256-GCM-SIV, which neither Go nor Debian's Python has.
const CIPHERS: [&str; 5] = [
    "aes256gcm",
    "chacha20poly1305",
    "fernet",
    "secretbox",
    "xchacha20poly1305",
];
const FORMS: [LegacyForm; 3] = [
    LegacyForm::PlainBox,
    LegacyForm::PlainFernet,
    LegacyForm::River,
];
const MESSAGES: usize = 600;
const MESSAGES_FOR_STRANGERS: usize = 60;
const MESSAGES_OF_FIELDS: usize = 100;
const LEGACY_MESSAGES: usize = 250;
const SPELLINGS: usize = 1500;

/// The body of a token, or of a job in a legacy form.
fn body_of(stored: &[u8]) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_slice(stored).expect("what is stored is JSON");
    let text = value.get("river_encrypt").unwrap_or(&value);
    let text = text.as_str().expect("what is stored holds a text");
    match Envelope::parse(text) {
        Ok(_) => URL_SAFE_NO_PAD.decode_to_vec(text.rsplit('.').next().unwrap_or_default()),
        Err(_) => STANDARD
            .decode_to_vec(text)
            .or_else(|_| URL_SAFE.decode_to_vec(text)),
    }
    .expect("the body is base64")
}

fn as_token(message: &Message, body: &[u8]) -> Vec<u8> {
    let body = URL_SAFE_NO_PAD.encode_to_string(body);
    let token = format!("jc1.{}.{}.{body}", message.cipher, message.key_id());
    json!({ "river_encrypt": token }).to_string().into_bytes()
}

fn as_legacy(form: LegacyForm, body: &[u8]) -> Vec<u8> {
    match form {
        LegacyForm::PlainFernet => json!(URL_SAFE.encode_to_string(body)),
        LegacyForm::PlainBox => json!(STANDARD.encode_to_string(body)),
        _ => json!({ "river_encrypt": STANDARD.encode_to_string(body) }),
    }
    .to_string()
    .into_bytes()
}

fn is_json(stored: &[u8]) -> bool {
    // serde_json alone would let bytes that are no UTF-8 pass where it only skips them.
    str::from_utf8(stored).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// The ciphers whose bodies a form holds.
fn fits(form: LegacyForm, cipher: &str) -> bool {
    match form {
        LegacyForm::PlainBox => cipher == "secretbox",
        LegacyForm::PlainFernet => cipher == "fernet",
        _ => true,
    }
}

fn refused(class: &str) -> Outcome {
    Err(class.to_owned())
}

#[test]
fn others_open_what_rust_sealed() {
    for mut reader in Reader::both() {
        let mut messages = Messages::new();
        for cipher in CIPHERS {
            for _ in 0..MESSAGES {
                let message = messages.any(cipher);
                let opened = reader.open(&message, &message.seal());
                assert_eq!(
                    opened,
                    Ok(Some(message.args)),
                    "{}, {cipher}",
                    reader.language
                );
            }
        }
    }
}

#[test]
fn rust_opens_what_others_sealed() {
    for mut reader in Reader::both() {
        let mut messages = Messages::new();
        for cipher in CIPHERS {
            for _ in 0..MESSAGES {
                let message = messages.any(cipher);
                let opened = message.open(&reader.seal(&message));
                assert_eq!(
                    opened,
                    Ok(Some(message.args)),
                    "{}, {cipher}",
                    reader.language
                );
            }
        }
    }
}

#[test]
fn fields_pass_between_rust_and_python() {
    let (mut python, mut messages) = (Reader::python(), Messages::new());
    for cipher in CIPHERS {
        for _ in 0..MESSAGES_OF_FIELDS {
            let message = messages.with_fields(cipher);
            for stored in [message.seal_fields(), python.seal_fields(&message)] {
                let place = String::from_utf8_lossy(&stored).into_owned();
                let opened = Ok(Some(message.args.clone()));
                assert_eq!(message.open(&stored), opened, "{place}");
                assert_eq!(python.open(&message, &stored), opened, "{place}");
                for (from, to, class) in [
                    ("\"host\":\"", "\"host\":\"x", "bound_field_changed"),
                    ("\"port\":[", "\"port\":[[],", "bound_field_changed"),
                    ("\"*\":null", "\"*\":0", "field_changed"),
                    ("\"users\"", "\"note\":null,\"users\"", "field_changed"),
                    ("\"users\"", "\"users\":0,\"users\"", "duplicate_field"),
                    ("\"host\"", "\"host\":0,\"h\\u006fst\"", "duplicate_field"),
                ] {
                    let attack = place.replacen(from, to, 1).into_bytes();
                    assert_eq!(message.open(&attack), refused(class), "{place}, {to}");
                    let by_python = python.open(&message, &attack);
                    assert_eq!(by_python, refused(class), "{place}, {to}");
                }
            }
        }
    }
}

#[test]
fn a_mebibyte_passes_both_ways() {
    for mut reader in Reader::both() {
        let mut messages = Messages::new();
        for cipher in CIPHERS {
            let mut message = messages.any(cipher);
            message.args = messages.bytes(1 << 20);
            let place = format!("{}, {cipher}", reader.language);
            let by_rust = reader.open(&message, &message.seal());
            assert!(
                by_rust.as_ref() == Ok(&Some(message.args.clone())),
                "{place}"
            );
            let by_other = message.open(&reader.seal(&message));
            assert!(by_other.as_ref() == Ok(&Some(message.args)), "{place}");
        }
    }
}

#[test]
fn a_foreign_place_or_key_is_refused_by_all() {
    for mut reader in Reader::both() {
        let mut messages = Messages::new();
        for cipher in CIPHERS {
            for _ in 0..MESSAGES_FOR_STRANGERS {
                let message = messages.any(cipher);
                let place = format!("{}, {cipher}", reader.language);
                for stored in [message.seal(), reader.seal(&message)] {
                    for (stranger, class) in message.strangers() {
                        assert_eq!(stranger.open(&stored), refused(class), "{place}");
                        assert_eq!(reader.open(&stranger, &stored), refused(class), "{place}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_foreign_key_id_is_refused_by_all() {
    for mut reader in Reader::both() {
        let mut messages = Messages::new();
        for cipher in CIPHERS {
            for _ in 0..MESSAGES_FOR_STRANGERS {
                let message = messages.any(cipher);
                let mut stranger = message.clone();
                stranger.key[31] ^= 1;
                let place = format!("{}, {cipher}", reader.language);
                for stored in [message.seal(), reader.seal(&message)] {
                    let renamed = as_token(&stranger, &body_of(&stored));
                    let class = "authentication_failed";
                    assert_eq!(stranger.open(&renamed), refused(class), "{place}");
                    assert_eq!(reader.open(&stranger, &renamed), refused(class), "{place}");
                }
            }
        }
    }
}

/// Spellings on which two readers of JSON and base64 like to differ.
const PIECES: [&str; 24] = [
    "\"", "\\", "{", "}", "[", "]", ":", ",", ".", "=", "A", "-", "_", "+", "/", " ", "\n", "\0",
    "jc1", "jc2", "jc1f", "\"x\":1,", "\\u005f", "\u{feff}",
];

#[test]
fn both_agree_on_stored_text_of_any_spelling() {
    let (mut python, mut messages) = (Reader::python(), Messages::new());
    let mut still_json = 0;
    for round in 0..SPELLINGS {
        let message = messages.json(CIPHERS[round % CIPHERS.len()]);
        let form = FORMS[messages.below(FORMS.len())];
        let sealed = message.seal();
        let mut stored = if messages.flip_a_coin() {
            as_legacy(form, &body_of(&sealed))
        } else {
            sealed
        };
        for _ in 0..=messages.below(2) {
            let piece = PIECES[messages.below(PIECES.len())].bytes();
            // Where the structure is: close to one of the ends.
            let near = messages.below(stored.len().min(50) + 1);
            let at = if messages.flip_a_coin() {
                near
            } else {
                stored.len() - near
            };
            let end = (at + messages.below(4)).min(stored.len());
            stored.splice(at..end, piece);
        }
        let place = String::from_utf8_lossy(&stored);
        if is_json(&stored) {
            still_json += 1;
            let by_rust = message.open(&stored);
            assert_eq!(by_rust, python.open(&message, &stored), "{place}");
            let by_rust = message.open_legacy(form, &stored);
            let by_python = python.open_legacy(form, &message, &stored);
            assert_eq!(by_rust, by_python, "{place} as {form:?}");
        } else {
            assert!(!matches!(message.open(&stored), Ok(Some(_))), "{place}");
            let by_python = python.open(&message, &stored);
            assert!(!matches!(by_python, Ok(Some(_))), "{place}");
        }
    }
    assert!(
        still_json * 4 > SPELLINGS,
        "most texts are no JSON any more"
    );
}

#[test]
fn what_python_stored_before_jobcrypt_opens() {
    let (mut python, mut messages) = (Reader::python(), Messages::new());
    for form in FORMS {
        for cipher in CIPHERS.into_iter().filter(|cipher| fits(form, cipher)) {
            for _ in 0..LEGACY_MESSAGES {
                let message = messages.json(cipher);
                let stored = python.seal_legacy(form, &message);
                let opened = Ok(Some(message.args.clone()));
                assert_eq!(message.open_legacy(form, &stored), opened, "{form:?}");
                assert_eq!(
                    python.open_legacy(form, &message, &stored),
                    opened,
                    "{form:?}"
                );
                // Not in a kind whose policy does not name the form.
                let unasked = match form {
                    LegacyForm::River => refused("malformed"),
                    _ => Ok(None),
                };
                assert_eq!(message.open(&stored), unasked, "{form:?}");
                assert_eq!(python.open(&message, &stored), unasked, "{form:?}");
            }
        }
    }
}

#[test]
fn a_token_body_dressed_as_legacy_is_refused_by_both() {
    let (mut python, mut messages) = (Reader::python(), Messages::new());
    for cipher in CIPHERS {
        for _ in 0..MESSAGES_FOR_STRANGERS {
            let message = messages.json(cipher);
            for stored in [message.seal(), python.seal(&message)] {
                for form in FORMS {
                    let moved = as_legacy(form, &body_of(&stored));
                    // The context ends the plaintext, or is missing as associated data.
                    let is_framed = ["fernet", "secretbox"].contains(&cipher);
                    let class = if fits(form, cipher) && is_framed {
                        "authentication_failed"
                    } else {
                        "no_matching_key"
                    };
                    let place = format!("{cipher} as {form:?}");
                    assert_eq!(message.open_legacy(form, &moved), refused(class), "{place}");
                    let by_python = python.open_legacy(form, &message, &moved);
                    assert_eq!(by_python, refused(class), "{place}");
                }
            }
        }
    }
}

#[test]
fn a_legacy_body_dressed_as_a_token_is_refused_by_both() {
    let (mut python, mut messages) = (Reader::python(), Messages::new());
    for form in FORMS {
        for cipher in CIPHERS.into_iter().filter(|cipher| fits(form, cipher)) {
            for _ in 0..MESSAGES_FOR_STRANGERS {
                let mut message = messages.json(cipher);
                if messages.flip_a_coin() {
                    // The place whose context is the shortest.
                    message.kind.clear();
                    message.namespace.clear();
                    message.detail.clear();
                }
                let stored = python.seal_legacy(form, &message);
                let moved = as_token(&message, &body_of(&stored));
                let class = "authentication_failed";
                for opened in [
                    message.open(&moved),
                    message.open_legacy(form, &moved),
                    python.open(&message, &moved),
                    python.open_legacy(form, &message, &moved),
                ] {
                    assert_eq!(opened, refused(class), "{cipher} from {form:?}");
                }
            }
        }
    }
}

#[test]
fn legacy_plaintext_that_ends_in_a_zero_byte_is_refused_by_both() {
    let (mut python, mut messages) = (Reader::python(), Messages::new());
    for cipher in CIPHERS {
        let mut message = messages.json(cipher);
        message.args.push(0);
        let unwritten = python.ask("legacy_seal", &message, "River", "args", &message.args);
        assert_eq!(unwritten, refused("malformed"), "{cipher}");

        let mut body = Vec::new();
        message
            .encryptor()
            .encrypt(&[], &message.args, &mut body)
            .expect("random args can be encrypted");
        let stored = as_legacy(LegacyForm::River, &body);
        let class = "authentication_failed";
        let by_rust = message.open_legacy(LegacyForm::River, &stored);
        assert_eq!(by_rust, refused(class), "{cipher}");
        let by_python = python.open_legacy(LegacyForm::River, &message, &stored);
        assert_eq!(by_python, refused(class), "{cipher}");
    }
}

#[test]
fn the_leniencies_of_pythons_fernet_are_not_copied() {
    let (mut python, mut messages) = (Reader::python(), Messages::new());
    let form = LegacyForm::PlainFernet;
    for _ in 0..MESSAGES_FOR_STRANGERS {
        let message = messages.json("fernet");
        let stored = python.seal_legacy(form, &message);
        let token: String = serde_json::from_slice(&stored).expect("a Fernet token is a text");
        let (front, back) = token.split_at(20);
        let mut lenient = vec![
            format!("{token}\n"),
            format!(" {token}"),
            format!("{front}\n{back}"),
            format!("{front}\r\n{back}"),
            format!("{front} {back}"),
            format!("{front}!{back}"),
            format!("{token}="),
            format!("{token}===="),
        ];
        let standard = token.replace('-', "+").replace('_', "/");
        if standard != token {
            lenient.push(standard);
        }
        let unpadded = token.trim_end_matches('=');
        if unpadded != token {
            lenient.push(unpadded.to_owned());
            lenient.push(format!("{token}AAAA"));
            lenient.push(format!("{unpadded}\n{}", &token[unpadded.len()..]));
            // The last character's spare bits.
            let (rest, last) = unpadded.split_at(unpadded.len() - 1);
            let next = char::from(last.as_bytes()[0] + 1);
            lenient.push(format!("{rest}{next}{}", &token[unpadded.len()..]));
        }
        for text in lenient {
            let spelled = json!(text).to_string().into_bytes();
            let by_rust = message.open_legacy(form, &spelled);
            assert_eq!(by_rust, refused("malformed"), "{text:?}");
            let by_python = python.open_legacy(form, &message, &spelled);
            assert_eq!(by_python, refused("malformed"), "{text:?}");
        }
    }
}
