//! The frozen vectors of the stored format: opened and refused by the crates, and by Python.

use std::{collections::BTreeMap, path::PathBuf};

use base64_simd::URL_SAFE_NO_PAD;
use jobcrypt::{EncryptHook, Encryptor, Envelope, Error, KeyId, LegacyForm, Policy};
use serde::Deserialize;

mod named;
mod python;

const DOCUMENT: &str = include_str!("../docs/format.md");

#[derive(Deserialize)]
struct Vectors {
    keys: BTreeMap<String, KnownKey>,
    tokens: Vec<SealedArgs>,
    padded: Vec<PartlySealedArgs>,
    fields: Vec<PartlySealedArgs>,
    legacy: Vec<LegacyArgs>,
    spellings: Vec<AnyArgs>,
    plaintext: Vec<AnyArgs>,
    refused: Vec<AnyArgs>,
}

#[derive(Deserialize)]
struct KnownKey {
    cipher: String,
    key: String,
    key_id: String,
}

#[derive(Deserialize)]
struct Context {
    kind: String,
    namespace: String,
    purpose: String,
    detail: String,
}

#[derive(Deserialize)]
struct SealedArgs {
    name: String,
    cipher: String,
    key: String,
    context: Context,
    args: String,
    body: String,
    token: String,
    stored: String,
}

/// Args in a form whose body the vector does not show: padded, or fields.
#[derive(Deserialize)]
struct PartlySealedArgs {
    name: String,
    key: String,
    context: Context,
    args: String,
    stored: String,
}

#[derive(Deserialize)]
struct LegacyArgs {
    name: String,
    form: String,
    key: String,
    args: String,
    stored: String,
}

/// What is stored, and one of the two outcomes; neither for plaintext.
#[derive(Deserialize)]
struct AnyArgs {
    name: String,
    keys: Vec<String>,
    context: Context,
    legacy: Vec<String>,
    stored: String,
    args: Option<String>,
    error: Option<String>,
}

impl Vectors {
    fn read() -> Self {
        let text = std::fs::read_to_string(path()).expect("the vectors are in the source tree");
        serde_json::from_str(&text).expect("the vectors have this shape")
    }

    fn encryptor(&self, name: &str) -> std::sync::Arc<dyn Encryptor> {
        let key = &self.keys[name];
        named::encryptor(&key.cipher, &from_hex(&key.key))
    }

    /// Opens what is stored, with these keys and legacy forms.
    fn open(
        &self,
        keys: &[String],
        legacy: &[String],
        context: &Context,
        stored: &str,
    ) -> Result<Option<String>, Error> {
        let keyring = named::keyring(keys.iter().map(|name| self.encryptor(name)));
        let policy = legacy.iter().fold(Policy::sealed(), |policy, form| {
            policy.legacy(legacy_form(form))
        });
        let opened = EncryptHook::builder(keyring)
            .namespace(&context.namespace)
            .default_policy(policy)
            .build()?
            .open_bytes(
                &named::context(&context.kind, &context.purpose, &context.detail),
                stored.as_bytes(),
            )?;
        Ok(opened.map(|args| String::from_utf8(args).expect("the args of vectors are text")))
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates/jobcrypt-testkit/vectors/v1.json")
}

fn legacy_form(name: &str) -> LegacyForm {
    match name {
        "PlainBox" => LegacyForm::PlainBox,
        "PlainFernet" => LegacyForm::PlainFernet,
        "River" => LegacyForm::River,
        _ => panic!("no legacy form is named {name}"),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
        .collect()
}

#[test]
fn key_ids_are_derived_as_frozen() {
    let vectors = Vectors::read();
    assert!(vectors.keys.len() >= 6);
    for (name, key) in &vectors.keys {
        let encryptor = vectors.encryptor(name);
        assert_eq!(encryptor.key_id().to_string(), key.key_id, "{name}");
        let derived = KeyId::derive(encryptor.cipher(), &from_hex(&key.key));
        assert_eq!(derived, encryptor.key_id(), "{name}");
    }
}

#[test]
fn frozen_tokens_open() {
    let vectors = Vectors::read();
    assert!(vectors.tokens.len() >= 54);
    for vector in &vectors.tokens {
        let name = &vector.name;
        let envelope = Envelope::parse(&vector.token).expect(name);
        assert_eq!(envelope.cipher(), vector.cipher, "{name}");
        assert_eq!(
            envelope.key_id().to_string(),
            vectors.keys[&vector.key].key_id,
            "{name}"
        );
        let body = vector.token.rsplit('.').next().unwrap_or_default();
        let body = URL_SAFE_NO_PAD.decode_to_vec(body).expect(name);
        assert_eq!(body, from_hex(&vector.body), "{name}");
        assert_eq!(
            vector.stored,
            format!("{{\"river_encrypt\":\"{}\"}}", vector.token),
            "{name}"
        );
        let opened = vectors
            .open(
                std::slice::from_ref(&vector.key),
                &[],
                &vector.context,
                &vector.stored,
            )
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(opened.as_ref(), Some(&vector.args), "{name}");
    }
}

#[test]
fn frozen_fields_and_padded_tokens_open() {
    let vectors = Vectors::read();
    assert!(vectors.padded.len() >= 25);
    assert!(vectors.fields.len() >= 40);
    for vector in vectors.padded.iter().chain(&vectors.fields) {
        let name = &vector.name;
        let opened = vectors
            .open(
                std::slice::from_ref(&vector.key),
                &[],
                &vector.context,
                &vector.stored,
            )
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(opened.as_ref(), Some(&vector.args), "{name}");
    }
}

#[test]
fn frozen_legacy_jobs_open() {
    let vectors = Vectors::read();
    assert!(vectors.legacy.len() >= 15);
    let anywhere = Context {
        kind: "any kind".to_owned(),
        namespace: String::new(),
        purpose: "args".to_owned(),
        detail: String::new(),
    };
    for vector in &vectors.legacy {
        let name = &vector.name;
        let opened = vectors
            .open(
                std::slice::from_ref(&vector.key),
                std::slice::from_ref(&vector.form),
                &anywhere,
                &vector.stored,
            )
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(opened.as_ref(), Some(&vector.args), "{name}");
    }
}

#[test]
fn other_spellings_open_and_plaintext_passes() {
    let vectors = Vectors::read();
    assert!(vectors.spellings.len() >= 15);
    assert!(vectors.plaintext.len() >= 7);
    for vector in vectors.spellings.iter().chain(&vectors.plaintext) {
        let name = &vector.name;
        let opened = vectors
            .open(
                &vector.keys,
                &vector.legacy,
                &vector.context,
                &vector.stored,
            )
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(opened, vector.args, "{name}");
    }
}

#[test]
fn what_must_be_refused_is_refused() {
    let vectors = Vectors::read();
    assert!(vectors.refused.len() >= 220);
    let differ: Vec<String> = vectors
        .refused
        .iter()
        .filter_map(|vector| {
            let expected = vector.error.as_deref().expect("a refusal names its class");
            let outcome = vectors.open(
                &vector.keys,
                &vector.legacy,
                &vector.context,
                &vector.stored,
            );
            let found = match &outcome {
                Ok(_) => "opened",
                Err(error) => error.kind().as_str(),
            };
            (found != expected).then(|| format!("{}: {found}, not {expected}", vector.name))
        })
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

#[test]
fn python_agrees_with_every_vector() {
    let output = python::jobcrypt_format()
        .arg("--check")
        .arg(path())
        .output()
        .expect("JOBCRYPT_TEST_PYTHON names a Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let vectors = Vectors::read();
    let counts: BTreeMap<String, usize> =
        serde_json::from_slice(&output.stdout).expect("it answers with the counts");
    assert_eq!(counts["tokens"], vectors.tokens.len());
    assert_eq!(counts["padded"], vectors.padded.len());
    assert_eq!(counts["fields"], vectors.fields.len());
    assert_eq!(counts["legacy"], vectors.legacy.len());
    assert_eq!(counts["spellings"], vectors.spellings.len());
    assert_eq!(counts["plaintext"], vectors.plaintext.len());
    assert_eq!(counts["refused"], vectors.refused.len());
}

#[test]
fn the_example_of_the_document_is_a_vector() {
    let vectors = Vectors::read();
    let vector = |name| {
        vectors
            .tokens
            .iter()
            .find(|vector| vector.name == name)
            .expect("the document names a vector")
    };
    let shown = vector("xchacha20poly1305-invoice");
    assert!(DOCUMENT.contains(&format!("token       {}\n", shown.token)));
    let shown_framed = vector("secretbox-invoice");
    assert!(DOCUMENT.contains(&format!("token       {}\n", shown_framed.token)));

    let (_, code) = DOCUMENT
        .split_once("```python\n")
        .expect("the document has a block of Python");
    let (code, _) = code.split_once("```").expect("the block ends");
    let output = python::python()
        .args(["-c", code])
        .output()
        .expect("JOBCRYPT_TEST_PYTHON names a Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim_end(),
        shown.stored
    );
}
