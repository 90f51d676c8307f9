//! What is sealed, what is refused on enqueue, and what comes back.

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    CipherName, EncryptHook, EncryptHookBuilder, ErrorKind, JobContext, Keyring, Payload, Policy,
    SecretKey,
};
use jobcrypt_testkit::FaultyEncryptor;
use proptest::prelude::*;
use serde_json::{Value, value::RawValue};

const JOB: JobContext<'static> = JobContext::new("charge_card");

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn builder() -> EncryptHookBuilder {
    let keyring = Keyring::new(XChaCha20Poly1305::new(key()))
        .build()
        .expect("a new key is sound");
    EncryptHook::builder(keyring)
}

fn hook() -> EncryptHook {
    builder().build().expect("it is sound")
}

fn seal(hook: &EncryptHook, args: &[u8]) -> Vec<u8> {
    hook.seal_bytes(&JOB, args)
        .expect("it seals")
        .expect("the kind is sealed")
}

fn refused_on_enqueue(hook: &EncryptHook, args: &[u8], kind: ErrorKind) {
    let mut payload = args.to_vec();
    let error = hook
        .seal(&JOB, &mut payload)
        .expect_err("it must not be enqueued");
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(payload, args, "refused args stay as they were");
}

fn comes_back<P: Payload + Clone + PartialEq + std::fmt::Debug>(args: &P) {
    let hook = hook();
    let mut payload = args.clone();
    assert!(hook.seal(&JOB, &mut payload).expect("it seals"));
    assert_ne!(&payload, args);
    assert!(hook.open(&JOB, &mut payload).expect("it opens"));
    assert_eq!(&payload, args);
}

const ARGS: &str =
    r#"{"n":123456789012345678901234567890,"f":1.0,"a":1,"a":2,"s":"\u00e9🙂","z":[],"b":-0}"#;

#[test]
fn every_type_of_args_comes_back_whole() {
    comes_back(&ARGS.as_bytes().to_vec());
    comes_back(&ARGS.to_owned());
    comes_back(&serde_json::json!({"to": ["ada", 7, null, {"x": 1.5}]}));
    #[cfg(feature = "bytes")]
    comes_back(&bytes::Bytes::from_static(ARGS.as_bytes()));
    let hook = hook();
    let mut raw = RawValue::from_string(ARGS.to_owned()).expect("it is JSON");
    hook.seal(&JOB, &mut raw).expect("it seals");
    hook.open(&JOB, &mut raw).expect("it opens");
    assert_eq!(raw.get(), ARGS);
}

#[test]
fn args_of_every_json_shape_are_sealed() {
    let hook = hook();
    for args in [
        "{}",
        "[]",
        "null",
        "true",
        "0",
        "1e400",
        r#""text""#,
        r#"["jc1.a"]"#,
    ] {
        let sealed = seal(&hook, args.as_bytes());
        let opened = hook.open_bytes(&JOB, &sealed).expect("it opens");
        assert_eq!(opened.as_deref(), Some(args.as_bytes()));
    }
}

proptest! {
    #[test]
    fn whatever_is_sealed_comes_back(args in proptest::collection::vec(any::<u8>(), 0..600), kind in ".{0,40}") {
        let job = JobContext::new(&kind);
        for keyring in [
            Keyring::new(XChaCha20Poly1305::new(key())),
            Keyring::new(Secretbox::new(key())),
            Keyring::new(Fernet::new(key())),
        ] {
            let hook = EncryptHook::builder(keyring.build()?).namespace(kind.clone()).build()?;
            let sealed = hook.seal_bytes(&job, &args)?.expect("all kinds are sealed");
            prop_assert_eq!(hook.open_bytes(&job, &sealed)?, Some(args.clone()));
        }
    }

    #[test]
    fn no_stored_text_makes_open_panic(stored in r#"\{"river_encrypt": ?"?(jc[0-9]f?\.)?[ -~]{0,60}"?[ -~]{0,20}\}?"#) {
        let hook = hook();
        let _ = hook.open_bytes(&JOB, stored.as_bytes());
    }
}

#[test]
fn an_envelope_is_not_sealed_again() {
    let hook = hook();
    let sealed = seal(&hook, b"{}");
    refused_on_enqueue(&hook, &sealed, ErrorKind::AlreadySealed);
    // As jsonb prints it, and under the marker of another hook.
    let text = String::from_utf8(sealed).expect("an envelope is JSON");
    refused_on_enqueue(
        &hook,
        text.replace(':', ": ").as_bytes(),
        ErrorKind::AlreadySealed,
    );
    refused_on_enqueue(
        &hook,
        text.replace("river_encrypt", "other").as_bytes(),
        ErrorKind::AlreadySealed,
    );
    let readable = builder()
        .default_policy(Policy::readable())
        .build()
        .expect("it is sound");
    refused_on_enqueue(&readable, text.as_bytes(), ErrorKind::AlreadySealed);
}

#[test]
fn args_that_merely_mention_the_marker_are_sealed() {
    let hook = hook();
    for args in [
        r#"{"river_encrypt":"no token"}"#,
        r#"{"river_encrypt":"jc1.a.b.c","more":1}"#,
        r#"{"river_encrypt":{}}"#,
        r#"{"deep":{"river_encrypt":1}}"#,
        r#"{"code":"jc2"}"#,
        r#"{"code":"jc1.a.b.c"}"#,
    ] {
        let sealed = seal(&hook, args.as_bytes());
        let opened = hook.open_bytes(&JOB, &sealed).expect("it opens");
        assert_eq!(opened.as_deref(), Some(args.as_bytes()));
    }
}

#[test]
fn readable_args_must_not_hold_the_marker_at_any_depth() {
    let deep = format!(
        "{}{{\"river_encrypt\":1}}{}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let hooks = [
        builder().default_policy(Policy::readable()).build(),
        builder().decrypt_only().build(),
    ];
    for hook in hooks.map(|hook| hook.expect("it is sound")) {
        for args in [
            r#"{"river_encrypt":"x"}"#,
            r#"{"a":1,"river_encrypt" : null}"#,
            r#"{"a":[{"b":{"river_encrypt":{}}}]}"#,
            "{\"a\":\"\\\"\",\"river\\u005fencrypt\":1}",
            &deep,
        ] {
            refused_on_enqueue(&hook, args.as_bytes(), ErrorKind::MarkerInArgs);
        }
        for args in [
            r#"{"note":"river_encrypt"}"#,
            r#"["river_encrypt"]"#,
            r#"{"river_encryption":1,"a":"\\"}"#,
            r#"{"a":"{\"river_encrypt\":1}"}"#,
        ] {
            let mut payload = args.as_bytes().to_vec();
            assert!(!hook.seal(&JOB, &mut payload).expect(args));
            assert_eq!(payload, args.as_bytes());
        }
    }
}

#[test]
fn whatever_stands_under_the_marker_is_a_token_or_an_error() {
    let hook = hook();
    let sealed = String::from_utf8(seal(&hook, b"{}")).expect("an envelope is JSON");
    let token = &sealed[18..sealed.len() - 2];
    let open = |stored: &str| {
        hook.open_bytes(&JOB, stored.as_bytes())
            .map_err(|error| error.kind())
    };
    // Other spellings of the same JSON.
    for stored in [
        format!(" {{ \"river_encrypt\" : \"{token}\" }}\n"),
        format!("{{\"river\\u005fencrypt\":\"{token}\"}}"),
        format!("{{\"river_encrypt\":\"\\u006a{}\"}}", &token[1..]),
    ] {
        assert_eq!(open(&stored), Ok(Some(b"{}".to_vec())), "{stored}");
    }
    for value in [
        "null", "1", "true", "{}", "[]", "\"\"", "\"x\"", "\"jc\"", "\"jc1\"", "\"jc1.\"",
    ] {
        let stored = format!("{{\"river_encrypt\":{value}}}");
        assert!(
            open(&stored).is_err_and(|kind| kind != ErrorKind::PlaintextRejected),
            "{value}"
        );
    }
    for stored in [
        format!("{{\"river_encrypt\":\"{token}\",\"a\":1}}"),
        format!("{{\"a\":1,\"river_encrypt\":\"{token}\"}}"),
        format!("{{\"river_encrypt\":\"{token}\",\"river_encrypt\":\"{token}\"}}"),
        format!("{{\"river_encrypt\":\"{token}\",\"river\\u005fencrypt\":\"{token}\"}}"),
        format!("{{\"river_encrypt\":\"{token}\"}} {{}}"),
        format!("{{\"river_encrypt\":\"{token}\"}}x"),
        format!("{{\"river_encrypt\":\"{token}\""),
        format!("{{\"river_encrypt\":\"{token}"),
        format!("{{\"river_encrypt\":\" {token}\"}}"),
        format!("{{\"river_encrypt\":\"{token}=\"}}"),
        format!("{{\"river_encrypt\":\"{token}\\n\"}}"),
    ] {
        assert_eq!(open(&stored), Err(ErrorKind::Malformed), "{stored}");
    }
    for (from, to, expected) in [
        ("jc1.", "jc2.", ErrorKind::UnsupportedVersion),
        ("poly1305.", "poly1305+zstd.", ErrorKind::UnsupportedVersion),
        ("jc1.", "jc1f.", ErrorKind::AuthenticationFailed),
        (
            "poly1305.",
            "poly1305+pad.",
            ErrorKind::AuthenticationFailed,
        ),
    ] {
        let stored = sealed.replacen(from, to, 1);
        assert_eq!(open(&stored), Err(expected), "{stored}");
    }
}

#[test]
fn siblings_that_a_queue_adds_are_ignored_when_named() {
    let hook = builder()
        .ignore_sibling("_trace")
        .build()
        .expect("it is sound");
    let sealed = String::from_utf8(seal(&hook, b"{}")).expect("an envelope is JSON");
    let traced = sealed.replacen('}', r#","_trace":{"id":1}}"#, 1);
    let opened = hook
        .open_bytes(&JOB, traced.as_bytes())
        .expect("the sibling is ignored");
    assert_eq!(opened.as_deref(), Some(&b"{}"[..]));
    let other = sealed.replacen('}', r#","_cron":1}"#, 1);
    assert!(hook.open_bytes(&JOB, other.as_bytes()).is_err());
}

#[test]
fn policies_choose_what_is_sealed_and_never_what_is_opened() {
    let keys = builder().build().expect("it is sound").keys().clone();
    let everything = EncryptHook::builder(keys.clone())
        .build()
        .expect("it is sound");
    let sealed = seal(&everything, b"{}");
    let narrow = [
        EncryptHook::builder(keys.clone()).include(["other"]),
        EncryptHook::builder(keys.clone()).exclude(["charge_card"]),
        EncryptHook::builder(keys.clone()).kind("charge_card", Policy::readable()),
        EncryptHook::builder(keys).decrypt_only(),
    ];
    let narrow = narrow.map(|hook| hook.build().expect("it is sound"));
    let leaving = everything.to_decrypt_only().expect("no policy objects");
    for hook in narrow.into_iter().chain([leaving]) {
        assert_eq!(hook.seal_bytes(&JOB, b"{}").expect("it is readable"), None);
        let opened = hook
            .open_bytes(&JOB, &sealed)
            .expect("an envelope opens under any policy");
        assert_eq!(opened.as_deref(), Some(&b"{}"[..]));
    }
    let included = builder()
        .include(["charge_card"])
        .build()
        .expect("it is sound");
    seal(&included, b"{}");
    let excluded = builder().exclude(["other"]).build().expect("it is sound");
    seal(&excluded, b"{}");
}

#[test]
fn plaintext_is_accepted_and_counted_or_rejected() {
    let accepting = hook();
    assert_eq!(
        accepting.open_bytes(&JOB, b"{}").expect("it is accepted"),
        None
    );
    assert_eq!(
        accepting
            .open_bytes(&JOB, b"not JSON")
            .expect("it is accepted"),
        None
    );
    assert_eq!(accepting.plaintext_accepted(), 2);
    let readable = builder()
        .kind("charge_card", Policy::readable())
        .build()
        .expect("it is sound");
    assert_eq!(
        readable.open_bytes(&JOB, b"{}").expect("it is readable"),
        None
    );
    assert_eq!(
        readable.plaintext_accepted(),
        0,
        "readable jobs are no surprise"
    );
    let rejecting = builder()
        .default_policy(Policy::sealed().reject_plaintext())
        .build()
        .expect("it is sound");
    for stored in [&b"{}"[..], b"[]", b"", b"{\"a\":\"river_encrypt\"}"] {
        let error = rejecting
            .open_bytes(&JOB, stored)
            .expect_err("it is plaintext");
        assert_eq!(error.kind(), ErrorKind::PlaintextRejected);
    }
}

#[test]
fn a_policy_may_ask_for_a_cipher() {
    let keyring = Keyring::new(XChaCha20Poly1305::new(key()))
        .and(Fernet::new(key()))
        .build()
        .expect("two new keys are sound");
    let hook = EncryptHook::builder(keyring)
        .kind(
            "charge_card",
            Policy::sealed().ciphers([CipherName::FERNET]),
        )
        .build()
        .expect("it is sound");
    let sealed = seal(&hook, b"{}");
    assert!(sealed.starts_with(br#"{"river_encrypt":"jc1.fernet."#));
    let other = hook
        .seal_bytes(&JobContext::new("other"), b"{}")
        .expect("it seals")
        .expect("it is sealed");
    let error = hook
        .open_bytes(&JOB, &other)
        .expect_err("the cipher is not allowed");
    assert_eq!(error.kind(), ErrorKind::CipherNotAllowed);
    let policy = Policy::sealed().seal_ciphers([CipherName::FERNET]);
    let moving = EncryptHook::builder(hook.keys().clone())
        .default_policy(policy)
        .build()
        .expect("it is sound");
    assert!(seal(&moving, b"{}").starts_with(br#"{"river_encrypt":"jc1.fernet."#));
    let job = JobContext::new("other");
    assert!(
        moving.open_bytes(&job, &other).is_ok(),
        "old jobs still open"
    );
}

#[test]
fn a_batch_is_sealed_whole_or_not_at_all() {
    let faulty = FaultyEncryptor::after(2, XChaCha20Poly1305::new(key()));
    let hook = EncryptHook::builder(Keyring::new(faulty).build().expect("it is sound"))
        .build()
        .expect("it is sound");
    let mut args: Vec<Vec<u8>> = (0..3).map(|n| format!("[{n}]").into_bytes()).collect();
    let before = args.clone();
    let error = hook
        .seal_batch(args.iter_mut().map(|args| (JOB, args)))
        .expect_err("the third encryption fails");
    assert_eq!(error.kind(), ErrorKind::EncryptionFailed);
    assert_eq!(args, before);
    let mut args = before.clone();
    let hook = self::hook();
    hook.seal_batch(args.iter_mut().map(|args| (JOB, args)))
        .expect("it seals");
    for (args, before) in args.iter_mut().zip(before) {
        hook.open(&JOB, args).expect("it opens");
        assert_eq!(*args, before);
    }
}

#[test]
fn errors_say_which_kind_and_key_and_what_to_do_and_nothing_else() {
    let hook = hook();
    let id = hook.keys().snapshot().primary().key_id().to_string();
    let secret = r#"{"password":"canary-4711"}"#;
    let sealed = seal(&hook, secret.as_bytes());
    let staging = EncryptHook::builder(hook.keys().clone())
        .namespace("staging")
        .build()
        .expect("it is sound");
    let error = staging
        .open_bytes(&JOB, &sealed)
        .expect_err("it is foreign");
    let text = error.to_string();
    assert!(
        text.contains("\"charge_card\"") && text.contains(&id),
        "{text}"
    );
    assert!(text.contains("namespace"), "{text}");
    let token = String::from_utf8_lossy(&sealed[18..sealed.len() - 2]).into_owned();
    let body = token.rsplit('.').next().expect("a token has dots");
    assert!(!format!("{text} {error:?}").contains(body));
    let job = JobContext::new("line\nbreak\u{1b}[31m");
    let error = staging
        .open_bytes(&job, &sealed)
        .expect_err("it is foreign");
    assert!(!error.to_string().contains(['\n', '\u{1b}']), "{error}");
}

#[test]
fn a_value_that_serde_refuses_is_not_quoted() {
    let mut args: Value = serde_json::json!({});
    let hook = hook();
    // What the token holds is no JSON, so a `Value` cannot carry it.
    let sealed = hook
        .seal_bytes(&JOB, b"canary-4711")
        .expect("it seals")
        .expect("it is sealed");
    args.clone_from(&serde_json::from_slice(&sealed).expect("an envelope is JSON"));
    let error = hook.open(&JOB, &mut args).expect_err("it is no JSON");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(
        !format!("{error} {error:?}").contains("canary"),
        "{error:?}"
    );
}

#[test]
fn an_envelope_under_another_marker_is_not_plaintext() {
    let keyring = Keyring::new(XChaCha20Poly1305::new(key()))
        .build()
        .expect("it is sound");
    let other = EncryptHook::builder(keyring)
        .marker("sealed")
        .build()
        .expect("it is sound");
    let sealed = seal(&other, b"{}");
    let hooks = [
        EncryptHook::builder(other.keys().clone()),
        EncryptHook::builder(other.keys().clone()).decrypt_only(),
        EncryptHook::builder(other.keys().clone()).default_policy(Policy::readable()),
    ];
    for hook in hooks.map(|hook| hook.build().expect("it is sound")) {
        let error = hook
            .open_bytes(&JOB, &sealed)
            .expect_err("it must not reach a worker");
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(hook.is_sealed(&JOB, &sealed));
    }
}

#[test]
fn args_that_merely_hold_a_token_are_the_apps_own() {
    let hook = hook();
    let sealed = String::from_utf8(seal(&hook, b"{}")).expect("an envelope is JSON");
    let token = &sealed[18..sealed.len() - 2];
    for args in [
        format!(r#"{{"token":"{token}","more":1}}"#),
        format!(r#"["{token}"]"#),
        format!(r#"[{{"token":"{token}"}}]"#),
        format!(r#"{{"deep":{{"token":"{token}"}}}}"#),
        format!(r#""{token}""#),
    ] {
        let sealed = seal(&hook, args.as_bytes());
        let opened = hook.open_bytes(&JOB, &sealed).expect("it opens");
        assert_eq!(opened.as_deref(), Some(args.as_bytes()));
        assert!(!hook.is_sealed(&JOB, args.as_bytes()));
        assert_eq!(
            hook.open_bytes(&JOB, args.as_bytes())
                .expect("it is plaintext"),
            None
        );
    }
}

#[test]
fn a_decrypt_only_hook_is_not_surprised_by_plaintext() {
    let hook = hook().to_decrypt_only().expect("no policy objects");
    assert_eq!(hook.open_bytes(&JOB, b"{}").expect("it is accepted"), None);
    assert_eq!(hook.plaintext_accepted(), 0);
}

#[test]
fn short_keys_are_refused_where_a_cipher_has_them() {
    use jobcrypt_core::{CipherName, Encryptor, Error, KeyFingerprint, KeyId};

    struct Short([u8; 15]);

    impl Encryptor for Short {
        fn cipher(&self) -> CipherName {
            CipherName::new("x-short")
        }

        fn key_id(&self) -> KeyId {
            KeyId::derive(self.cipher(), &self.0)
        }

        fn fingerprint(&self) -> Option<KeyFingerprint> {
            Some(KeyFingerprint::of(&self.0))
        }

        fn encrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
            Ok(())
        }

        fn decrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
            Ok(())
        }
    }

    let key = Short(*key().expose().first_chunk().expect("32 bytes hold 15"));
    let error = Keyring::new(key).build().expect_err("it is short");
    assert!(
        error.to_string().contains("shorter than 16 bytes"),
        "{error}"
    );
}
