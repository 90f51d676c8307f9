//! Thousands of random messages between the crates and the reader and writer in Python, which was
//! written from docs/format.md and shares no code with them.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::Arc,
};

use base64_simd::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jobcrypt::{EncryptHook, Encryptor, Envelope, LegacyForm, Policy, SecretKey};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use serde::de::IgnoredAny;
use serde_json::json;

mod named;
mod python;

/// All but AES-256-GCM-SIV, which Debian's Python does not have.
const CIPHERS: [&str; 5] = [
    "aes256gcm",
    "chacha20poly1305",
    "fernet",
    "secretbox",
    "xchacha20poly1305",
];
const PURPOSES: [&str; 6] = ["args", "error", "output", "value", "vault", "x-report"];
const FORMS: [LegacyForm; 3] = [
    LegacyForm::PlainBox,
    LegacyForm::PlainFernet,
    LegacyForm::River,
];
const MESSAGES: usize = 600;
const MESSAGES_FOR_STRANGERS: usize = 60;
const LEGACY_MESSAGES: usize = 250;
const SPELLINGS: usize = 1500;

/// Args and the place they belong to, with the key they are sealed with.
#[derive(Clone)]
struct Message {
    cipher: &'static str,
    key: [u8; 32],
    kind: String,
    namespace: String,
    purpose: &'static str,
    detail: String,
    args: Vec<u8>,
}

/// What came of opening: the args, `None` for plaintext, or the class of the error.
type Outcome = Result<Option<Vec<u8>>, String>;

impl Message {
    fn encryptor(&self) -> Arc<dyn Encryptor> {
        named::encryptor(self.cipher, &self.key)
    }

    fn key_id(&self) -> String {
        self.encryptor().key_id().to_string()
    }

    fn hook(&self, policy: Policy) -> EncryptHook {
        // A legacy form needs a key that could have written it; these have written nothing.
        let spare = |cipher| {
            let key = SecretKey::generate().expect("the system has random bytes");
            named::encryptor(cipher, key.expose())
        };
        let keys = [self.encryptor(), spare("secretbox"), spare("fernet")];
        EncryptHook::builder(named::keyring(keys))
            .namespace(&self.namespace)
            .default_policy(policy)
            .build()
            .expect("the hook is sound")
    }

    fn seal(&self) -> Vec<u8> {
        self.hook(Policy::sealed())
            .seal_bytes(&self.context(), &self.args)
            .expect("random args can be sealed")
            .expect("every kind is sealed")
    }

    /// Opens what is stored as this message's place would.
    fn open(&self, stored: &[u8]) -> Outcome {
        self.open_with(Policy::sealed(), stored)
    }

    fn open_legacy(&self, form: LegacyForm, stored: &[u8]) -> Outcome {
        self.open_with(Policy::sealed().legacy(form), stored)
    }

    fn open_with(&self, policy: Policy, stored: &[u8]) -> Outcome {
        self.hook(policy)
            .open_bytes(&self.context(), stored)
            .map_err(|error| error.kind().as_str().to_owned())
    }

    fn context(&self) -> jobcrypt::JobContext<'_> {
        named::context(&self.kind, self.purpose, &self.detail)
    }

    /// The same message in places, and under keys, where its token must not open.
    fn strangers(&self) -> Vec<(Self, &'static str)> {
        let other = |change: fn(&mut Self)| {
            let mut message = self.clone();
            change(&mut message);
            message
        };
        let foreign = "authentication_failed";
        vec![
            (other(|message| message.kind.push('x')), foreign),
            (other(|message| message.namespace.push('x')), foreign),
            (other(|message| message.detail.push('x')), foreign),
            (
                other(|message| message.purpose = next_of(&PURPOSES, message.purpose)),
                foreign,
            ),
            (
                // The same letters, with the border between two parts moved by one.
                other(|message| {
                    let moved = message.kind.pop();
                    message.namespace.insert_str(0, &String::from_iter(moved));
                }),
                foreign,
            ),
            (other(|message| message.key[31] ^= 1), "no_matching_key"),
        ]
    }
}

fn next_of(all: &[&'static str], this: &str) -> &'static str {
    let at = all.iter().position(|name| *name == this);
    all[at.map_or(0, |at| (at + 1) % all.len())]
}

/// Draws the same messages in every run.
struct Messages(TestRng);

impl Messages {
    fn new() -> Self {
        Self(TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }

    /// Any bytes as args, or JSON: sealing does not ask what they are.
    fn any(&mut self, cipher: &'static str) -> Message {
        let mut message = self.json(cipher);
        if self.flip_a_coin() {
            let length = self.below(3000);
            message.args = self.bytes(length);
        }
        message
    }

    fn json(&mut self, cipher: &'static str) -> Message {
        let mut key = [0; 32];
        self.0.fill_bytes(&mut key);
        Message {
            cipher,
            key,
            kind: format!("k{}", self.text(24)),
            namespace: self.text(16),
            purpose: PURPOSES[self.below(PURPOSES.len())],
            detail: self.text(16),
            args: json!({"text": self.text(200)}).to_string().into_bytes(),
        }
    }

    /// Characters of every plane and from the first one, with quotes, zero and line breaks.
    fn text(&mut self, most: usize) -> String {
        let length = self.below(most);
        (0..length)
            .filter_map(|_| {
                let all = if self.flip_a_coin() { 0x80 } else { 0x11_0000 };
                char::from_u32(self.0.next_u32() % all)
            })
            .collect()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    fn flip_a_coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.next_u32() as usize % bound
    }
}

/// The other side: one line asks, one line answers.
struct Python {
    process: Child,
    lines_in: ChildStdin,
    lines_out: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Self {
        let mut process = python::jobcrypt_format()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("JOBCRYPT_TEST_PYTHON names a Python");
        let lines_in = process.stdin.take().expect("its input is piped");
        let lines_out = process.stdout.take().expect("its output is piped");
        Self {
            process,
            lines_in,
            lines_out: BufReader::new(lines_out),
        }
    }

    fn seal(&mut self, message: &Message) -> Vec<u8> {
        self.write("seal", message, "")
    }

    fn seal_legacy(&mut self, form: LegacyForm, message: &Message) -> Vec<u8> {
        self.write("legacy_seal", message, &format!("{form:?}"))
    }

    fn open(&mut self, message: &Message, stored: &[u8]) -> Outcome {
        self.ask("open", message, "", "stored", stored)
    }

    fn open_legacy(&mut self, form: LegacyForm, message: &Message, stored: &[u8]) -> Outcome {
        let form = format!("{form:?}");
        self.ask("legacy_open", message, &form, "stored", stored)
    }

    fn write(&mut self, op: &str, message: &Message, form: &str) -> Vec<u8> {
        self.ask(op, message, form, "args", &message.args)
            .expect("random args can be sealed")
            .expect("a sealed message has bytes")
    }

    fn ask(&mut self, op: &str, message: &Message, form: &str, name: &str, sent: &[u8]) -> Outcome {
        let line = json!({
            "op": op,
            "form": form,
            "cipher": message.cipher,
            "key": STANDARD.encode_to_string(message.key),
            "kind": message.kind,
            "namespace": message.namespace,
            "purpose": message.purpose,
            "detail": message.detail,
            name: STANDARD.encode_to_string(sent),
        });
        writeln!(self.lines_in, "{line}").expect("Python reads");
        let mut answer = String::new();
        self.lines_out
            .read_line(&mut answer)
            .expect("Python answers");
        let answer: serde_json::Value =
            serde_json::from_str(&answer).expect("Python answers in JSON");
        match (answer["result"].as_str(), answer["error"].as_str()) {
            (Some(bytes), None) => Ok(Some(STANDARD.decode_to_vec(bytes).expect("base64"))),
            (None, None) => Ok(None),
            (_, Some(class)) => Err(class.to_owned()),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It sleeps on its input, so nothing is lost; the result is of no use to a test that ends.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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
fn python_opens_what_rust_sealed() {
    let (mut python, mut messages) = (Python::start(), Messages::new());
    for cipher in CIPHERS {
        for _ in 0..MESSAGES {
            let message = messages.any(cipher);
            let opened = python.open(&message, &message.seal());
            assert_eq!(opened, Ok(Some(message.args)), "{cipher}");
        }
    }
}

#[test]
fn rust_opens_what_python_sealed() {
    let (mut python, mut messages) = (Python::start(), Messages::new());
    for cipher in CIPHERS {
        for _ in 0..MESSAGES {
            let message = messages.any(cipher);
            let opened = message.open(&python.seal(&message));
            assert_eq!(opened, Ok(Some(message.args)), "{cipher}");
        }
    }
}

#[test]
fn a_mebibyte_passes_both_ways() {
    let (mut python, mut messages) = (Python::start(), Messages::new());
    for cipher in CIPHERS {
        let mut message = messages.any(cipher);
        message.args = messages.bytes(1 << 20);
        let by_rust = python.open(&message, &message.seal());
        assert!(
            by_rust.as_ref() == Ok(&Some(message.args.clone())),
            "{cipher}"
        );
        let by_python = message.open(&python.seal(&message));
        assert!(by_python.as_ref() == Ok(&Some(message.args)), "{cipher}");
    }
}

#[test]
fn a_foreign_place_or_key_is_refused_by_both() {
    let (mut python, mut messages) = (Python::start(), Messages::new());
    for cipher in CIPHERS {
        for _ in 0..MESSAGES_FOR_STRANGERS {
            let message = messages.any(cipher);
            for stored in [message.seal(), python.seal(&message)] {
                for (stranger, class) in message.strangers() {
                    assert_eq!(stranger.open(&stored), refused(class), "{cipher}");
                    assert_eq!(python.open(&stranger, &stored), refused(class), "{cipher}");
                }
            }
        }
    }
}

#[test]
fn a_foreign_key_id_is_refused_by_both() {
    let (mut python, mut messages) = (Python::start(), Messages::new());
    for cipher in CIPHERS {
        for _ in 0..MESSAGES_FOR_STRANGERS {
            let message = messages.any(cipher);
            let mut stranger = message.clone();
            stranger.key[31] ^= 1;
            for stored in [message.seal(), python.seal(&message)] {
                let renamed = as_token(&stranger, &body_of(&stored));
                let class = "authentication_failed";
                assert_eq!(stranger.open(&renamed), refused(class), "{cipher}");
                assert_eq!(python.open(&stranger, &renamed), refused(class), "{cipher}");
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
    let (mut python, mut messages) = (Python::start(), Messages::new());
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
    let (mut python, mut messages) = (Python::start(), Messages::new());
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
    let (mut python, mut messages) = (Python::start(), Messages::new());
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
    let (mut python, mut messages) = (Python::start(), Messages::new());
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
    let (mut python, mut messages) = (Python::start(), Messages::new());
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
    let (mut python, mut messages) = (Python::start(), Messages::new());
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
