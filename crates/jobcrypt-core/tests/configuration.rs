//! A configuration that is not sound does not build, and says why without a byte of a key.

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    CipherName, EncryptHook, EncryptHookBuilder, Error, ErrorKind, JobContext, Keyring, LegacyForm,
    Policy, SecretKey,
};

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn keyring() -> Keyring {
    Keyring::new(XChaCha20Poly1305::new(key()))
        .build()
        .expect("a new key is sound")
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, why: &str) {
    let error = result.expect_err(why);
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration, "{error}");
    assert!(error.to_string().contains(why), "{error}");
}

fn unsound(configure: impl FnOnce(EncryptHookBuilder) -> EncryptHookBuilder, why: &str) {
    refused(configure(EncryptHook::builder(keyring())).build(), why);
}

#[test]
fn a_rotation_to_a_cipher_that_the_policy_does_not_open_strands_no_job() {
    let keyring = Keyring::new(XChaCha20Poly1305::new(key())).build();
    let narrow = Policy::sealed().open_ciphers([CipherName::XCHACHA20_POLY1305]);
    let hook = EncryptHook::builder(keyring.expect("a new key is sound"))
        .default_policy(narrow)
        .build()
        .expect("it is sound");
    let job = JobContext::new("charge_card");
    let rotated = hook.keys().rotate(Secretbox::new(key()));
    rotated.expect("a new key is sound");
    let sealed = hook.seal_bytes(&job, b"{}").expect("the old key is there");
    let sealed = sealed.expect("every kind is sealed");
    assert!(hook.open_bytes(&job, &sealed).is_ok());

    let alone = Keyring::new(Secretbox::new(key())).build();
    hook.keys().swap(alone.expect("a new key is sound"));
    let error = hook.seal_bytes(&job, b"{}").expect_err("it would not open");
    assert_eq!(error.kind(), ErrorKind::CipherNotAllowed);
}

#[test]
fn keys_that_are_no_secret_are_refused_by_position() {
    let weak: [([u8; 32], &str); 6] = [
        (std::array::from_fn(|at| [1, 200, 77][at % 3]), "few different bytes"),
        ([0; 32], "all its bytes are the same"),
        ([7; 32], "all its bytes are the same"),
        (*b"correct horse battery staple 123", "printable text"),
        (
            *b"\x81\x92\xa3\xb4\xc5\xd6\xe7\xf8\x89\x9a\xab\xbc\xcd\xde\xef\x80\x81\x92\xa3\xb4\xc5\xd6\xe7\xf8\x89\x9a\xab\xbc\xcd\xde\xef\x80",
            "two halves are the same",
        ),
        (
            *SecretKey::from_base64("iRmwTuVGl2BAwTUPRTJbP/iA2EKpTrzXpEcNIXG2BI0=")
                .expect("River's manual prints a whole key")
                .expose(),
            "public documentation",
        ),
    ];
    for (bytes, why) in weak {
        let keyring = Keyring::new(Secretbox::new(key()))
            .and(Secretbox::new(bytes.into()))
            .build();
        refused(keyring, why);
        let keyring = Keyring::new(Secretbox::new(bytes.into())).build();
        refused(keyring, "key 1 of 1 (secretbox)");
    }
}

#[test]
fn one_secret_in_two_places_is_refused() {
    let bytes = *key().expose();
    let twice = Keyring::new(Fernet::new(bytes.into())).and(Fernet::new(bytes.into()));
    refused(
        twice.build(),
        "key 2 of 2 (fernet): it is the same as key 1",
    );
    let two_ciphers = Keyring::new(Fernet::new(bytes.into())).and(Secretbox::new(bytes.into()));
    refused(two_ciphers.build(), "its bytes are those of key 1");
    let mut half = *key().expose();
    half[..16].copy_from_slice(&bytes[..16]);
    let shared_half = Keyring::new(Fernet::new(bytes.into())).and(Fernet::new(half.into()));
    refused(shared_half.build(), "half of its bytes are those of key 1");
    let id = SecretKey::from(bytes).id(CipherName::FERNET);
    refused(
        Keyring::new(Fernet::new(bytes.into())).retired(id).build(),
        "retired",
    );
}

#[test]
fn keys_of_a_wrong_length_or_spelling_are_refused() {
    refused(
        SecretKey::from_bytes(&[1; 31]),
        "a key is 32 bytes, this one has 31",
    );
    refused(SecretKey::from_bytes(&[1; 33]), "33");
    refused(SecretKey::from_bytes(&[]), "0");
    refused(SecretKey::from_base64(""), "0");
    refused(SecretKey::from_base64("not base64!"), "base64");
}

#[test]
fn hooks_that_contradict_themselves_are_refused() {
    unsound(|hook| hook.include(["a"]).exclude(["b"]), "not both");
    unsound(|hook| hook.include(Vec::<String>::new()), "seals nothing");
    unsound(|hook| hook.include(["a", "a"]), "two policies");
    unsound(
        |hook| hook.include(["a"]).kind("a", Policy::readable()),
        "two policies",
    );
    unsound(
        |hook| hook.include(["a"]).default_policy(Policy::sealed()),
        "contradicts",
    );
    unsound(|hook| hook.kind("", Policy::sealed()), "no name");
    unsound(|hook| hook.exclude([""]), "no name");
    unsound(
        |hook| hook.default_policy(Policy::readable()).exclude(["a"]),
        "contradicts",
    );
    unsound(|hook| hook.ignore_sibling(""), "can be ignored");
    unsound(
        |hook| hook.default_policy(Policy::sealed().legacy(LegacyForm::PlainBox)),
        "cipher of the legacy form",
    );
    let at_odds = || Policy::sealed().seal_ciphers([CipherName::XCHACHA20_POLY1305]);
    let at_odds = || at_odds().open_ciphers([CipherName::FERNET]);
    unsound(
        |hook| hook.default_policy(at_odds()),
        "would not open what it seals",
    );
    unsound(|hook| hook.marker(""), "marker");
    unsound(|hook| hook.marker("with\"quote"), "marker");
    unsound(
        |hook| hook.marker("m").ignore_sibling("m"),
        "can be ignored",
    );
    unsound(|hook| hook.namespace("n".repeat(65_530)), "longer");
    unsound(
        |hook| {
            hook.decrypt_only()
                .default_policy(Policy::sealed().reject_plaintext())
        },
        "decrypt-only",
    );
    unsound(
        |hook| {
            hook.decrypt_only()
                .kind("a", Policy::sealed().reject_plaintext())
        },
        "decrypt-only",
    );
    unsound(
        |hook| hook.default_policy(Policy::readable().reject_plaintext()),
        "readable",
    );
    unsound(
        |hook| hook.kind("a", Policy::sealed().ciphers([CipherName::FERNET])),
        "no key of the keyring has a cipher",
    );
    unsound(
        |hook| hook.kind("a", Policy::sealed().ciphers([])),
        "allows none",
    );
    unsound(
        |hook| {
            hook.default_policy(
                Policy::sealed()
                    .legacy(LegacyForm::PlainBox)
                    .legacy(LegacyForm::PlainFernet),
            )
        },
        "a kind has one of them",
    );
}

#[test]
fn the_way_out_is_shut_while_plaintext_is_rejected() {
    let strict = EncryptHook::builder(keyring())
        .kind("charge_card", Policy::sealed().reject_plaintext())
        .build()
        .expect("it is sound");
    refused(strict.to_decrypt_only(), "charge_card");
    let strict = EncryptHook::builder(keyring())
        .default_policy(Policy::sealed().reject_plaintext())
        .build()
        .expect("it is sound");
    refused(strict.to_decrypt_only(), "decrypt-only");
}

#[test]
fn nothing_shows_a_key() {
    let bytes = *key().expose();
    let secret = SecretKey::from(bytes);
    let text = secret.to_base64().to_string();
    let keyring = Keyring::new(Fernet::new(secret))
        .build()
        .expect("a new key is sound");
    let hook = EncryptHook::builder(keyring).build().expect("it is sound");
    let shown = format!(
        "{hook:?} {:?} {:?} {:?} {:?}",
        hook.keys(),
        Fernet::new(bytes.into()),
        SecretKey::from(bytes),
        SecretKey::from(bytes).fingerprint(),
    );
    assert!(!shown.contains(&text[..20]), "{shown}");
    assert!(!shown.contains(&format!("{bytes:?}")[1..40]), "{shown}");
}
