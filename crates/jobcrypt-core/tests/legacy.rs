//! Jobs that were stored before jobcrypt, and everything that only looks like one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    CipherName, EncryptHook, Encryptor, Error, ErrorKind, JobContext, Key, KeyId, Keyring,
    LegacyForm, Policy, SecretKey,
};

const JOB: JobContext<'static> = JobContext::new("charge_card");
const ARGS: &[u8] = br#"{"pan":"4111111111111111"}"#;

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn body(key: &impl Encryptor) -> Vec<u8> {
    let mut body = Vec::new();
    key.encrypt(&[], ARGS, &mut body).expect("it encrypts");
    body
}

fn reading(key: impl Encryptor, form: LegacyForm) -> EncryptHook {
    EncryptHook::builder(Keyring::new(key).build().expect("a new key is sound"))
        .default_policy(Policy::sealed().legacy(form))
        .build()
        .expect("it is sound")
}

fn open(hook: &EncryptHook, stored: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, ErrorKind> {
    hook.open_bytes(&JOB, stored.as_ref())
        .map_err(|error| error.kind())
}

fn standard(body: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(body)
}

#[test]
fn each_form_opens_where_its_kind_names_it() {
    let bytes = *key().expose();
    let opened = Ok(Some(ARGS.to_vec()));
    let secretbox = standard(&body(&Secretbox::new(bytes.into())));
    let hook = reading(Secretbox::new(bytes.into()), LegacyForm::PlainBox);
    assert_eq!(open(&hook, format!(" \"{secretbox}\"\n")), opened);
    let fernet = body(&Fernet::new(bytes.into()));
    let fernet = base64_simd::URL_SAFE.encode_to_string(fernet);
    let hook = reading(Fernet::new(bytes.into()), LegacyForm::PlainFernet);
    assert_eq!(open(&hook, format!("\"{fernet}\"")), opened);
    let xchacha = standard(&body(&XChaCha20Poly1305::new(bytes.into())));
    let hook = reading(XChaCha20Poly1305::new(bytes.into()), LegacyForm::River);
    assert_eq!(
        open(&hook, format!("{{\"river_encrypt\": \"{xchacha}\"}}")),
        opened
    );
    let unnamed = EncryptHook::builder(hook.keys().clone())
        .build()
        .expect("it is sound");
    let stored = format!("{{\"river_encrypt\":\"{xchacha}\"}}");
    assert_eq!(open(&unnamed, stored), Err(ErrorKind::Malformed));
}

#[test]
fn a_string_is_of_the_form_or_an_error_never_plaintext() {
    let bytes = *key().expose();
    let good = standard(&body(&Secretbox::new(bytes.into())));
    let hook = reading(Secretbox::new(bytes.into()), LegacyForm::PlainBox);
    for stored in [
        format!("\"{good}\" {{\"evil\":1}}"),
        format!("\"{good}\"\""),
        format!("\"{good}"),
        format!("\"{good}\\n\""),
        "\"\"".to_owned(),
        "\"a plain string\"".to_owned(),
        "\"jc2.a.b.c\"".to_owned(),
    ] {
        assert_eq!(open(&hook, &stored), Err(ErrorKind::Malformed), "{stored}");
    }
    assert_eq!(
        open(&hook, "{}"),
        Ok(None),
        "another shape is plaintext as usual"
    );
    let stranger = reading(Secretbox::new(key()), LegacyForm::PlainBox);
    let stored = format!("\"{good}\"");
    assert_eq!(open(&stranger, stored), Err(ErrorKind::NoMatchingKey));
}

#[test]
fn a_bare_fernet_token_is_no_plaintext_where_the_form_is_read() {
    let fernet = Fernet::new(key());
    let bare = base64_simd::URL_SAFE.encode_to_string(body(&fernet));
    let hook = reading(fernet, LegacyForm::PlainFernet);
    assert_eq!(open(&hook, bare), Err(ErrorKind::Malformed));
}

#[test]
fn a_box_whose_text_begins_like_a_token_is_tried() {
    // A nonce with this beginning gives base64 that begins with "jc1". It is not the nonce that the
    // box was made with, so no key opens it; the point is that it is tried.
    let bytes = *key().expose();
    let mut made = body(&Secretbox::new(bytes.into()));
    made[..3].copy_from_slice(&[0x8d, 0xcd, 0x40]);
    let text = standard(&made);
    assert!(text.starts_with("jc1"));
    let hook = reading(Secretbox::new(bytes.into()), LegacyForm::River);
    let stored = format!("{{\"river_encrypt\":\"{text}\"}}");
    assert_eq!(open(&hook, stored), Err(ErrorKind::NoMatchingKey));
}

#[test]
fn a_token_in_other_clothes_is_refused() {
    let bytes = *key().expose();
    let hook = reading(Secretbox::new(bytes.into()), LegacyForm::River);
    let sealed = hook
        .seal_bytes(&JOB, ARGS)
        .expect("it seals")
        .expect("the kind is sealed");
    let sealed = String::from_utf8(sealed).expect("an envelope is JSON");
    let body = sealed.trim_end_matches("\"}").rsplit('.').next();
    let body = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(body.expect("a token has dots"))
        .expect("a body is base64");
    let stored = format!("{{\"river_encrypt\":\"{}\"}}", standard(&body));
    assert_eq!(open(&hook, stored), Err(ErrorKind::AuthenticationFailed));
}

#[test]
fn keys_of_a_cipher_that_the_policy_forbids_are_not_tried() {
    let bytes = *key().expose();
    let keyring = Keyring::new(Secretbox::new(key()))
        .and(Fernet::new(bytes.into()))
        .build()
        .expect("they are sound");
    let policy = Policy::sealed().legacy(LegacyForm::River);
    let hook = |policy: Policy, keys: &jobcrypt_core::Keys| {
        EncryptHook::builder(keys.clone())
            .default_policy(policy)
            .build()
            .expect("it is sound")
    };
    let keys = keyring.into();
    let stored = standard(&body(&Fernet::new(bytes.into())));
    let stored = format!("{{\"river_encrypt\":\"{stored}\"}}");
    assert!(open(&hook(policy.clone(), &keys), &stored).is_ok());
    let strict = hook(policy.ciphers([CipherName::SECRETBOX]), &keys);
    assert_eq!(open(&strict, &stored), Err(ErrorKind::NoMatchingKey));
}

#[test]
fn an_envelope_that_is_not_json_is_no_plaintext() {
    let hook = EncryptHook::builder(
        Keyring::new(Secretbox::new(key()))
            .build()
            .expect("it is sound"),
    )
    .build()
    .expect("it is sound");
    let sealed = hook
        .seal_bytes(&JOB, ARGS)
        .expect("it seals")
        .expect("the kind is sealed");
    for before in ["\u{feff}", "\0", "\u{c}", "x"] {
        let stored = [before.as_bytes(), &sealed].concat();
        let escaped = String::from_utf8_lossy(&stored).replace("\"river", "\"\\u0072iver");
        assert_eq!(open(&hook, stored), Err(ErrorKind::Malformed), "{before:?}");
        assert_eq!(
            open(&hook, escaped),
            Err(ErrorKind::Malformed),
            "{before:?}"
        );
    }
    assert_eq!(open(&hook, r#"["river_encrypt"]"#), Ok(None));
    assert_eq!(open(&hook, r"no \ JSON"), Ok(None));
    assert_eq!(open(&hook, r#"[{"river_encrypt":1}]"#), Ok(None));
}

/// A key whose service does not answer.
struct Unreachable(Secretbox);

impl Encryptor for Unreachable {
    fn cipher(&self) -> CipherName {
        self.0.cipher()
    }

    fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    fn encrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::key_source_unavailable("no route to it"))
    }

    fn decrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Error::key_source_unavailable("no route to it"))
    }
}

#[test]
fn a_key_that_cannot_be_asked_may_be_the_one() {
    let stored = format!("\"{}\"", standard(&body(&Secretbox::new(key()))));
    let hook = reading(Unreachable(Secretbox::new(key())), LegacyForm::PlainBox);
    assert_eq!(open(&hook, stored), Err(ErrorKind::KeySourceUnavailable));
}

#[test]
fn a_form_that_no_key_could_ever_open_is_refused() {
    let build = |policy: Policy, bound_to: &str| {
        let fernet = Key::new(Fernet::new(key())).with_kinds([bound_to]);
        let keyring = Keyring::new(XChaCha20Poly1305::new(key())).and(fernet);
        EncryptHook::builder(keyring.build().expect("both are sound"))
            .kind("charge_card", policy)
            .build()
            .map(drop)
            .map_err(|error| error.kind())
    };
    let policy = || Policy::sealed().legacy(LegacyForm::PlainFernet);
    let refused = Err(ErrorKind::InvalidConfiguration);
    assert_eq!(build(policy(), "charge_card"), Ok(()));
    assert_eq!(build(policy(), "refund_card"), refused);
    let narrow = policy().open_ciphers([CipherName::XCHACHA20_POLY1305]);
    assert_eq!(build(narrow, "charge_card"), refused);
}

#[test]
fn at_most_sixteen_keys_are_tried() {
    let bytes = *key().expose();
    let good = standard(&body(&Secretbox::new(bytes.into())));
    let stored = format!("{{\"river_encrypt\":\"{good}\"}}");
    for (before, expected) in [(15, true), (16, false)] {
        let mut keyring = Keyring::new(Secretbox::new(key()));
        for _ in 1..before {
            keyring = keyring.and(Secretbox::new(key()));
        }
        let keyring = keyring.and(Secretbox::new(bytes.into())).build();
        let hook = EncryptHook::builder(keyring.expect("they are sound"))
            .default_policy(Policy::sealed().legacy(LegacyForm::River))
            .build()
            .expect("it is sound");
        assert_eq!(
            open(&hook, &stored).is_ok(),
            expected,
            "behind {before} others"
        );
    }
}

#[test]
fn a_readable_string_that_would_be_taken_for_a_legacy_job_is_not_enqueued() {
    let policy = || Policy::readable().legacy(LegacyForm::PlainBox);
    let keyring = Keyring::new(Secretbox::new(key()))
        .build()
        .expect("it is sound");
    let hook = EncryptHook::builder(keyring)
        .default_policy(policy())
        .build();
    let hook = hook.expect("it is sound");
    let error = hook
        .seal_bytes(&JOB, b"\"hello\"")
        .expect_err("a worker could not tell");
    assert_eq!(error.kind(), ErrorKind::MarkerInArgs);
    assert_eq!(hook.seal_bytes(&JOB, b"{}").expect("it is readable"), None);
}

/// Counts how often it is tried.
struct Counting(Secretbox, Arc<AtomicUsize>);

impl Encryptor for Counting {
    fn cipher(&self) -> CipherName {
        self.0.cipher()
    }

    fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    fn encrypt(&self, bound: &[u8], plaintext: &[u8], body: &mut Vec<u8>) -> Result<(), Error> {
        self.0.encrypt(bound, plaintext, body)
    }

    fn decrypt(&self, bound: &[u8], body: &[u8], plaintext: &mut Vec<u8>) -> Result<(), Error> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.decrypt(bound, body, plaintext)
    }
}

#[test]
fn the_key_that_fitted_last_is_tried_first() {
    let keys: Vec<[u8; 32]> = (0..10).map(|_| *key().expose()).collect();
    let trials = Arc::new(AtomicUsize::new(0));
    let counting =
        |bytes: &[u8; 32]| Counting(Secretbox::new((*bytes).into()), Arc::clone(&trials));
    let ring = keys[1..]
        .iter()
        .fold(Keyring::new(counting(&keys[0])), |ring, key| {
            ring.and(counting(key))
        });
    let hook = EncryptHook::builder(ring.build().expect("all are sound"))
        .default_policy(Policy::sealed().legacy(LegacyForm::PlainBox))
        .build()
        .expect("it is sound");
    for (place, expected) in [(6, 7), (6, 1), (6, 1), (2, 4), (2, 1), (9, 10), (0, 2)] {
        let sealed = standard(&body(&Secretbox::new(keys[place].into())));
        trials.store(0, Ordering::Relaxed);
        assert_eq!(
            open(&hook, format!("\"{sealed}\"")),
            Ok(Some(ARGS.to_vec()))
        );
        assert_eq!(trials.load(Ordering::Relaxed), expected, "key {place}");
    }
}
