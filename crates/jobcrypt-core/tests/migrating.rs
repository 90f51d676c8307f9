//! Stored args on their way to the key that seals their kind now.

use std::sync::{Arc, Mutex};

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    CipherName, EncryptHook, Encryptor, Envelope, Error, ErrorKind, JobContext, KeyId, Keyring,
    LegacyForm, Policy, SecretKey,
};

const JOB: JobContext<'static> = JobContext::new("charge_card");
const ARGS: &[u8] = br#"{"pan":"4111111111111111"}"#;

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn hook(primary: impl Encryptor) -> EncryptHook {
    EncryptHook::builder(Keyring::new(primary).build().expect("a new key is sound"))
        .build()
        .expect("it is sound")
}

fn sealed(hook: &EncryptHook) -> Vec<u8> {
    let sealed = hook.seal_bytes(&JOB, ARGS).expect("it encrypts");
    sealed.expect("every kind is sealed")
}

fn token(stored: &[u8]) -> String {
    let stored: serde_json::Value = serde_json::from_slice(stored).expect("it is JSON");
    stored["river_encrypt"]
        .as_str()
        .expect("a token is text")
        .to_owned()
}

/// What the encryptor wrote.
fn body(stored: &[u8]) -> Vec<u8> {
    let token = token(stored);
    let (_, body) = token.rsplit_once('.').expect("a token has dots");
    base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(body)
        .expect("it is base64")
}

#[test]
fn jobs_move_from_every_key_to_the_primary_and_stay_there() {
    let hook = hook(Fernet::new(key()));
    let mut stored = sealed(&hook);
    for step in 0..3 {
        match step {
            0 => hook.keys().rotate(XChaCha20Poly1305::new(key())),
            _ => hook.keys().rotate(Secretbox::new(key())),
        }
        .expect("a new key is sound");
        let moved = hook.migrate_bytes(&JOB, &stored).expect("its key is there");
        stored = moved.expect("it was under another key");
        let primary = hook.keys().snapshot().primary().key_id();
        let token = token(&stored);
        assert_eq!(Envelope::parse(&token).expect("a token").key_id(), primary);
        let opened = hook.open_bytes(&JOB, &stored).expect("its key is there");
        assert_eq!(opened.as_deref(), Some(ARGS));
        assert_eq!(hook.migrate_bytes(&JOB, &stored).expect("it opens"), None);
    }
}

/// Notes what it is asked to replace.
struct Noting(Fernet, Arc<Mutex<Vec<Vec<u8>>>>);

impl Encryptor for Noting {
    fn cipher(&self) -> CipherName {
        self.0.cipher()
    }

    fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    fn encrypt(&self, bound: &[u8], plaintext: &[u8], body: &mut Vec<u8>) -> Result<(), Error> {
        self.0.encrypt(bound, plaintext, body)
    }

    fn re_encrypt(
        &self,
        replaced: &[u8],
        bound: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut noted = self.1.lock().expect("nothing panics with it");
        noted.push(replaced.to_vec());
        self.0.re_encrypt(replaced, bound, plaintext, body)
    }

    fn decrypt(&self, bound: &[u8], body: &[u8], plaintext: &mut Vec<u8>) -> Result<(), Error> {
        self.0.decrypt(bound, body, plaintext)
    }
}

#[test]
fn an_encryptor_sees_what_it_replaces_where_the_cipher_stays() {
    let bytes = *key().expose();
    let mut legacy = Vec::new();
    let old = || Fernet::new(bytes.into());
    old().encrypt(&[], ARGS, &mut legacy).expect("it encrypts");
    let noted = Arc::new(Mutex::new(Vec::new()));
    let keyring = Keyring::new(Noting(Fernet::new(key()), Arc::clone(&noted)))
        .and(old())
        .and(XChaCha20Poly1305::new(key()))
        .build();
    let hook = EncryptHook::builder(keyring.expect("all are sound"))
        .default_policy(Policy::sealed().legacy(LegacyForm::PlainFernet))
        .build()
        .expect("it is sound");
    let under = |seal: Policy| {
        EncryptHook::builder(hook.keys().clone())
            .default_policy(seal)
            .build()
            .expect("it is sound")
    };
    let foreign = under(Policy::sealed().seal_ciphers([CipherName::XCHACHA20_POLY1305]));
    let foreign = sealed(&foreign);
    let fernet = sealed(&self::hook(old()));
    let plain = format!("\"{}\"", base64_simd::URL_SAFE.encode_to_string(&legacy));
    for stored in [&foreign[..], &fernet, plain.as_bytes()] {
        let moved = hook.migrate_bytes(&JOB, stored).expect("its key is there");
        assert!(moved.is_some());
    }
    assert_eq!(
        *noted.lock().expect("nothing panics with it"),
        [body(&fernet), legacy.clone()]
    );

    // The River form does not say which cipher wrote it: the keys do.
    let mut boxed = Vec::new();
    XChaCha20Poly1305::new(bytes.into())
        .encrypt(&[], ARGS, &mut boxed)
        .expect("it encrypts");
    noted.lock().expect("nothing panics with it").clear();
    for (written, expected) in [(&legacy, vec![legacy.clone()]), (&boxed, Vec::new())] {
        let keyring = Keyring::new(Noting(Fernet::new(key()), Arc::clone(&noted)));
        let keyring = match expected.len() {
            0 => keyring.and(XChaCha20Poly1305::new(bytes.into())),
            _ => keyring.and(old()),
        };
        let hook = EncryptHook::builder(keyring.build().expect("all are sound"))
            .default_policy(Policy::sealed().legacy(LegacyForm::River))
            .build()
            .expect("it is sound");
        let text = base64_simd::STANDARD.encode_to_string(written);
        let stored = format!(r#"{{"river_encrypt":"{text}"}}"#);
        let moved = hook.migrate_bytes(&JOB, stored.as_bytes());
        assert!(moved.expect("its key is there").is_some());
        let mut noted = noted.lock().expect("nothing panics with it");
        assert_eq!(std::mem::take(&mut *noted), expected);
    }
}

#[test]
fn plaintext_is_left_alone_and_legacy_jobs_move() {
    let bytes = *key().expose();
    let mut legacy = Vec::new();
    Secretbox::new(bytes.into())
        .encrypt(&[], ARGS, &mut legacy)
        .expect("it encrypts");
    let legacy = format!("\"{}\"", base64_simd::STANDARD.encode_to_string(legacy));
    let keyring = Keyring::new(XChaCha20Poly1305::new(key()))
        .and(Secretbox::new(bytes.into()))
        .build();
    let hook = EncryptHook::builder(keyring.expect("both are sound"))
        .default_policy(Policy::sealed().legacy(LegacyForm::PlainBox))
        .kind("rebuild_index", Policy::readable())
        .build()
        .expect("it is sound");
    assert_eq!(
        hook.migrate_bytes(&JOB, ARGS)
            .expect("plaintext is accepted"),
        None
    );
    assert_eq!(hook.plaintext_accepted(), 0, "no worker has got it");
    let moved = hook
        .migrate_bytes(&JOB, legacy.as_bytes())
        .expect("its key is there");
    let moved = moved.expect("it named no key");
    assert_eq!(
        hook.open_bytes(&JOB, &moved).expect("it opens").as_deref(),
        Some(ARGS)
    );
}

#[test]
fn a_kind_that_became_readable_keeps_its_stored_jobs_sealed() {
    let before = hook(XChaCha20Poly1305::new(key()));
    let stored = sealed(&before);
    let after = EncryptHook::builder(before.keys().clone())
        .exclude(["charge_card"])
        .build()
        .expect("it is sound");
    after
        .keys()
        .rotate(XChaCha20Poly1305::new(key()))
        .expect("it is sound");
    let moved = after
        .migrate_bytes(&JOB, &stored)
        .expect("its key is there");
    let moved = moved.expect("it was under another key");
    assert_ne!(token(&moved), token(&stored));
    assert_eq!(
        after.open_bytes(&JOB, &moved).expect("it opens").as_deref(),
        Some(ARGS)
    );
}

#[test]
fn what_cannot_be_opened_is_not_moved_and_decrypt_only_moves_nothing() {
    let hook = hook(XChaCha20Poly1305::new(key()));
    let stored = sealed(&hook);
    hook.keys()
        .rotate(XChaCha20Poly1305::new(key()))
        .expect("it is sound");
    let elsewhere = JobContext::new("refund_card");
    let error = hook
        .migrate_bytes(&elsewhere, &stored)
        .expect_err("it belongs to another kind");
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    let stranger = self::hook(XChaCha20Poly1305::new(key()));
    let error = stranger
        .migrate_bytes(&JOB, &stored)
        .expect_err("its key is elsewhere");
    assert_eq!(error.kind(), ErrorKind::NoMatchingKey);
    let leaving = hook.to_decrypt_only().expect("it accepts plaintext");
    let error = leaving
        .migrate_bytes(&JOB, &stored)
        .expect_err("it never seals");
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
}
