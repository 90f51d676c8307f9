//! What must hold for any bytes at all. The fuzz targets look for bytes for which it does not; the tests
//! hold it against random ones.

#![allow(dead_code, reason = "each fuzz target calls one of them")]

use std::sync::LazyLock;

use jobcrypt::{
    EncryptHook, Envelope, ErrorKind, JobContext, Keyring, LegacyForm, Policy, SecretKey,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
};
use serde_json::Value;

const ARGS: &[u8] = br#"{"pan":"4111111111111111","note":"\u00e9 \"quoted\""}"#;
const MARKER: &str = "river_encrypt";

/// A token that parses is spelled in the one way that its parts have.
pub(crate) fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Envelope::parse(text) {
        Ok(envelope) => {
            let head = format!("jc1.{}.{}.", envelope.cipher(), envelope.key_id());
            let body = text
                .strip_prefix(&head)
                .expect("its parts are those of the text");
            assert!(!body.contains('.'), "a body has no dot");
        }
        Err(error) => {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::Malformed | ErrorKind::UnsupportedVersion),
                "{kind:?}"
            );
            assert!(!error.is_retryable(), "another look does not mend it");
        }
    }
}

/// Nothing opens but what was sealed. The first byte chooses a sealed job; pairs of a place and a byte
/// that follow are written over it.
pub(crate) fn open(bytes: &[u8]) {
    let Some((choice, edits)) = bytes.split_first() else {
        return;
    };
    let (job, sealed) = &SEALED[usize::from(*choice) % SEALED.len()];
    let mut stored = sealed.clone();
    for edit in edits.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % stored.len();
        stored[place] = edit[2];
    }
    let context = JobContext::new(job);
    match HOOK.open_bytes(&context, &stored) {
        Ok(Some(plaintext)) => assert_eq!(plaintext, ARGS, "what opens is what was sealed"),
        // The kind rejects plaintext.
        Ok(None) => panic!("an envelope passed for plaintext"),
        Err(error) => assert!(!error.to_string().contains("4111"), "args in an error"),
    }
    // The bytes themselves as stored args: no key fits them.
    assert!(!matches!(HOOK.open_bytes(&context, edits), Ok(Some(_))) || edits == sealed);
}

/// Args that hold the marker at the top are sealed for every reader, others for none; serde_json is the
/// judge of what they hold.
pub(crate) fn envelope(bytes: &[u8]) {
    let context = JobContext::new("send_mail");
    let is_sealed = HOOK.is_sealed(&context, bytes);
    let opened = HOOK.open_bytes(&context, bytes);
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        // No JSON: at most an error.
        assert!(!matches!(opened, Ok(Some(_))), "it is not JSON, and opened");
        return;
    };
    let has_marker = value
        .as_object()
        .is_some_and(|args| args.contains_key(MARKER));
    if has_marker {
        assert!(is_sealed, "the marker was overlooked");
        assert!(opened.is_err(), "no key seals this kind, and it opened");
    } else if !is_sealed {
        assert!(matches!(opened, Ok(None)), "plaintext was refused");
    } else {
        // An envelope under another marker, and nothing else.
        let args = value.as_object().expect("only an object is an envelope");
        assert_eq!(args.len(), 1, "plaintext passed for an envelope");
        let token = args
            .values()
            .next()
            .and_then(Value::as_str)
            .unwrap_or_default();
        assert!(
            token.starts_with("jc1."),
            "plaintext passed for an envelope"
        );
    }
    let readable = READABLE.seal_bytes(&context, bytes);
    if has_marker {
        assert!(readable.is_err(), "the marker was stored readable");
    }
}

static HOOK: LazyLock<EncryptHook> = LazyLock::new(|| {
    let sound = "the keys and the policies are sound";
    let keyring = Keyring::new(XChaCha20Poly1305::new(key(1)))
        .and(Secretbox::new(key(2)))
        .and(Fernet::new(key(3)))
        .build()
        .expect(sound);
    let strict = || Policy::sealed().reject_plaintext();
    EncryptHook::builder(keyring)
        .namespace("fuzz")
        .kind("charge_card", strict())
        .kind("refund_card", strict().legacy(LegacyForm::River))
        .kind("sync_mailbox", strict().legacy(LegacyForm::PlainFernet))
        .build()
        .expect(sound)
});

static READABLE: LazyLock<EncryptHook> = LazyLock::new(|| {
    EncryptHook::builder(HOOK.keys().clone())
        .default_policy(Policy::readable())
        .build()
        .expect("a policy without exceptions is sound")
});

/// Each kind that rejects plaintext, sealed under each key.
static SEALED: LazyLock<Vec<(&'static str, Vec<u8>)>> = LazyLock::new(|| {
    let kinds = ["charge_card", "refund_card", "sync_mailbox"];
    let ciphers = jobcrypt::CipherName::ALL;
    let mut sealed = Vec::new();
    for kind in kinds {
        for cipher in ciphers {
            let policy = Policy::sealed().seal_ciphers([cipher]);
            let hook = EncryptHook::builder(HOOK.keys().clone())
                .namespace("fuzz")
                .default_policy(policy)
                .build();
            // There is a key for three of the six.
            let Ok(hook) = hook else { continue };
            let envelope = hook.seal_bytes(&JobContext::new(kind), ARGS);
            sealed.push((kind, envelope.expect("it encrypts").expect("it is sealed")));
        }
    }
    sealed
});

/// A key that looks like one.
fn key(number: u8) -> SecretKey {
    let mut key = [0; 32];
    for (at, byte) in (0_u8..).zip(&mut key) {
        *byte = at.wrapping_mul(37) ^ number.wrapping_mul(101) ^ 0x5a;
    }
    key.into()
}
