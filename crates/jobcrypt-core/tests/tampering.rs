//! A token of 300 bytes, every bit flipped, every truncation, every foreign context and key: a typed
//! error each time, never a plaintext and never a panic.

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    CipherName, EncryptHook, Encryptor, ErrorKind, JobContext, Keyring, Policy, Purpose, SecretKey,
};

const JOB: JobContext<'static> = JobContext::new("charge_card");
const PREFIX: &[u8] = br#"{"river_encrypt":""#;

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn hook(key: impl Encryptor) -> EncryptHook {
    let keyring = Keyring::new(key).build().expect("a new key is sound");
    EncryptHook::builder(keyring)
        .namespace("prod")
        .build()
        .expect("the hook is sound")
}

/// A sealed job whose token is 300 bytes long, or a few more where the cipher has blocks.
fn sealed(hook: &EncryptHook) -> Vec<u8> {
    (1..300)
        .map(|len| format!(r#"{{"card":"{}"}}"#, "4".repeat(len)))
        .map(|args| hook.seal_bytes(&JOB, args.as_bytes()))
        .map(|sealed| sealed.expect("it seals").expect("all kinds are sealed"))
        .find(|sealed| sealed.len() - PREFIX.len() - 2 >= 300)
        .expect("some args make a token of this length")
}

fn each_hook(check: impl Fn(&str, EncryptHook)) {
    check("xchacha20poly1305", hook(XChaCha20Poly1305::new(key())));
    check("secretbox", hook(Secretbox::new(key())));
    check("fernet", hook(Fernet::new(key())));
}

#[test]
fn every_flipped_bit_of_the_token_is_an_error() {
    each_hook(|cipher, hook| {
        let sealed = sealed(&hook);
        for bit in PREFIX.len() * 8..(sealed.len() - 2) * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = hook.open_bytes(&JOB, &flipped).err();
            let kind = error.map(|error| error.kind());
            assert!(
                matches!(
                    kind,
                    Some(
                        ErrorKind::AuthenticationFailed
                            | ErrorKind::Malformed
                            | ErrorKind::NoMatchingKey
                            | ErrorKind::UnsupportedVersion
                    )
                ),
                "{cipher}, bit {bit}: {kind:?}"
            );
        }
    });
}

#[test]
fn every_truncation_of_the_token_is_an_error() {
    each_hook(|cipher, hook| {
        let sealed = sealed(&hook);
        let token = &sealed[PREFIX.len()..sealed.len() - 2];
        for len in 0..token.len() {
            for part in [&token[..len], &token[token.len() - len..]] {
                let cut = [PREFIX, part, b"\"}"].concat();
                let error = hook.open_bytes(&JOB, &cut);
                assert!(error.is_err(), "{cipher}, {len} characters left");
            }
        }
    });
}

#[test]
fn every_foreign_kind_namespace_and_purpose_is_refused() {
    each_hook(|cipher, hook| {
        let sealed = sealed(&hook);
        let elsewhere = |namespace: &str| {
            EncryptHook::builder(hook.keys().clone())
                .namespace(namespace)
                .build()
                .expect("the hook is sound")
        };
        let (here, staging, nowhere) = (elsewhere("prod"), elsewhere("staging"), elsewhere(""));
        assert!(here.open_bytes(&JOB, &sealed).is_ok(), "{cipher}");
        // The last pairs move a character from one part of the context to the next.
        let shifted = elsewhere("dprod");
        for (hook, context) in [
            (&here, JobContext::new("charge_cards")),
            (&here, JobContext::new("charge_car")),
            (&here, JobContext::new("")),
            (&here, JOB.with_purpose(Purpose::OUTPUT)),
            (&here, JOB.with_purpose(Purpose::ERROR)),
            (&here, JOB.with_purpose(Purpose::custom("x-args"))),
            (&here, JOB.with_detail("card")),
            (&staging, JOB),
            (&nowhere, JOB),
            (&nowhere, JOB.with_detail("prod")),
            (&shifted, JobContext::new("charge_car")),
        ] {
            let error = hook
                .open_bytes(&context, &sealed)
                .expect_err("it is foreign");
            assert_eq!(
                error.kind(),
                ErrorKind::AuthenticationFailed,
                "{cipher}, {context:?}"
            );
        }
    });
}

#[test]
fn a_foreign_key_is_named_by_its_id() {
    each_hook(|cipher, hook_of_cipher| {
        let sealed = sealed(&hook_of_cipher);
        let id = hook_of_cipher.keys().snapshot().primary().key_id();
        let error = hook(XChaCha20Poly1305::new(key()))
            .open_bytes(&JOB, &sealed)
            .expect_err("no key fits");
        assert_eq!(error.kind(), ErrorKind::NoMatchingKey, "{cipher}");
        assert_eq!(error.key_id(), Some(id), "{cipher}");
        assert_eq!(error.job_kind(), Some("charge_card"), "{cipher}");
    });
}

#[test]
fn the_id_of_another_key_does_not_open_a_token() {
    let (mine, other) = (key(), key());
    let ids = [&mine, &other].map(|key| key.id(jobcrypt_core::CipherName::SECRETBOX).to_string());
    let keyring = Keyring::new(Secretbox::new(mine))
        .and(Secretbox::new(other))
        .build()
        .expect("two new keys are sound");
    let hook = EncryptHook::builder(keyring).build().expect("it is sound");
    let sealed = hook
        .seal_bytes(&JOB, b"{}")
        .expect("it seals")
        .expect("it is sealed");
    let sealed = String::from_utf8(sealed).expect("an envelope is JSON");
    let swapped = sealed.replace(&ids[0], &ids[1]);
    assert_ne!(sealed, swapped);
    let error = hook
        .open_bytes(&JOB, swapped.as_bytes())
        .expect_err("it is foreign");
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
}

#[test]
fn what_is_no_token_is_malformed_whatever_is_allowed() {
    let narrow = Policy::sealed()
        .seal_ciphers([CipherName::XCHACHA20_POLY1305])
        .open_ciphers([CipherName::XCHACHA20_POLY1305]);
    let secretbox = Secretbox::new(key());
    let id = secretbox.key_id();
    let keyring = Keyring::new(XChaCha20Poly1305::new(key())).and(secretbox);
    let hook = EncryptHook::builder(keyring.build().expect("both are sound"))
        .default_policy(narrow)
        .build()
        .expect("it is sound");
    let class = |body: &str| {
        let stored = format!(r#"{{"river_encrypt":"jc1.secretbox.{id}.{body}"}}"#);
        let opened = hook.open_bytes(&JOB, stored.as_bytes());
        opened.expect_err("the cipher is not allowed").kind()
    };
    assert_eq!(class("AAAA"), ErrorKind::CipherNotAllowed);
    assert_eq!(class("AA.BB"), ErrorKind::Malformed);
}

#[test]
fn fernet_keys_with_a_common_signing_half_do_not_open_each_others_tokens() {
    let halves = |encrypts: &SecretKey| {
        let mut bytes = *b"sixteen to sign!................";
        bytes[16..].copy_from_slice(&encrypts.expose()[..16]);
        Fernet::new(bytes.into())
    };
    let (one, other) = (halves(&key()), halves(&key()));
    let (one_id, other_id) = (one.key_id().to_string(), other.key_id().to_string());
    let stored = sealed(&hook(one));
    let hook = hook(other);
    let kind = |stored: &[u8]| hook.open_bytes(&JOB, stored).map_err(|error| error.kind());
    assert_eq!(kind(&stored), Err(ErrorKind::NoMatchingKey));
    // Its signature holds under the other name, and that is not enough.
    let renamed = String::from_utf8(stored).expect("an envelope is text");
    let renamed = renamed.replace(&one_id, &other_id);
    assert_eq!(
        kind(renamed.as_bytes()),
        Err(ErrorKind::AuthenticationFailed)
    );
}
