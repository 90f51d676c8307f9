//! What must hold for any bytes at all. The fuzz targets look for bytes for which it does not; the tests
//! hold it against random ones.

#![allow(dead_code, reason = "each fuzz target calls one of them")]

use std::sync::LazyLock;

use jobcrypt::{
    EncryptHook, Envelope, ErrorKind, JobContext, Keyring, LegacyForm, Policy, SecretKey,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
    vault::{Value as VaultValue, ValuePath, Vault, VaultForm, VaultOptions},
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
            let form = if envelope.is_fields() { "jc1f" } else { "jc1" };
            let option = if envelope.is_padded() { "+pad" } else { "" };
            let head = format!(
                "{form}.{}{option}.{}.",
                envelope.cipher(),
                envelope.key_id()
            );
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
        Err(error) => assert!(!error.to_string().contains("41111111"), "args in an error"),
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
        // An envelope under another marker: one token and nothing else, or a token of fields at the top.
        let args = value.as_object().expect("only an object is an envelope");
        let is_token = |value: &Value| {
            let token = value.as_str().unwrap_or_default();
            (args.len() == 1 && token.starts_with("jc1.")) || token.starts_with("jc1f.")
        };
        // serde_json shows the last of two members of one name.
        let is_envelope =
            args.values().any(is_token) || bytes.windows(6).any(|it| it == b"\"jc1f.");
        assert!(is_envelope, "plaintext passed for an envelope");
    }
    let readable = READABLE.seal_bytes(&context, bytes);
    if has_marker {
        assert!(readable.is_err(), "the marker was stored readable");
    }
}

/// Fields come back as they were, whatever the args; and in stored args that were written over, nothing comes
/// back in another place. The first byte chooses which of the two.
pub(crate) fn fields(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let context = JobContext::new("send_command");
    if choice % 2 == 0 {
        let Ok(Some(stored)) = FIELDS.seal_bytes(&context, rest) else {
            return;
        };
        match FIELDS.open_bytes(&context, &stored) {
            Ok(opened) => assert_eq!(opened.as_deref(), Some(rest), "it came back otherwise"),
            Err(error) => {
                // Sealing does not ask whether what stays readable is JSON.
                let is_json = serde_json::from_slice::<Value>(rest).is_ok();
                assert!(!is_json, "it is JSON, and does not open: {error}");
            }
        }
        if let Ok(value) = serde_json::from_slice::<Value>(&stored) {
            assert!(value["password"].is_null(), "a sealed field is readable");
        }
        return;
    }
    let mut stored = SEALED_FIELDS.clone();
    for edit in rest.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % stored.len();
        stored[place] = edit[2];
    }
    if let Ok(Some(opened)) = FIELDS.open_bytes(&context, &stored) {
        let args: Value = serde_json::from_slice(&opened).expect("what opens is JSON");
        assert_eq!(
            args["password"], "41111111",
            "a sealed field came out otherwise"
        );
        assert_eq!(
            args["users"][0]["pin"], 41_111_111,
            "a sealed field came out otherwise"
        );
        assert_eq!(args["host"], "a", "a bound field was changed");
    }
}

/// No file opens but those that were written; paths and values have one spelling, and come out of a file as they went in.
/// The first byte chooses what the others are.
pub(crate) fn vault(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let vault = &VAULTS[usize::from(*choice) % VAULTS.len()];
    match choice % 4 {
        0 => {
            let text = [vault.as_bytes(), rest].concat();
            assert!(
                VAULT.parse(&text).is_err() || is_written(vault, &text),
                "bytes were added"
            );
            assert!(
                VAULT.parse(rest).is_err() || is_written(vault, rest),
                "bytes are a vault"
            );
        }
        1 => {
            let mut altered = vault.clone().into_bytes();
            for edit in rest.chunks_exact(3) {
                let place = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % altered.len();
                altered[place] = edit[2];
            }
            match VAULT.parse(&altered) {
                Ok(_) => assert!(is_written(vault, &altered), "bytes were altered"),
                Err(error) => assert!(
                    !error.to_string().contains("41111111"),
                    "a value in an error"
                ),
            }
        }
        2 => {
            let Ok(text) = std::str::from_utf8(rest) else {
                return;
            };
            if let Ok(path) = text.parse::<ValuePath>() {
                let spelled = path.to_string();
                let again = spelled.parse::<ValuePath>();
                assert!(
                    again.is_ok_and(|again| again == path),
                    "its spelling leads elsewhere"
                );
                assert!(!spelled.contains('\n'), "it takes more than its line");
            }
        }
        _ => {
            let Ok(text) = std::str::from_utf8(rest) else {
                return;
            };
            let Ok(value) = VaultValue::from_json(text) else {
                return;
            };
            assert!(
                serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok(),
                "it is not JSON"
            );
            let again = VaultValue::from_json(value.as_json()).expect("it is JSON still");
            assert!(again == value, "it has two spellings");
            for form in [VaultForm::Jobcrypt, VaultForm::Fernet] {
                let Ok(made) = VAULT.clone().form(form).make(&value) else {
                    continue;
                };
                let text = made.to_text().expect("it is encrypted");
                let read = VAULT.parse(text).expect("it was just written");
                let root = ValuePath::root();
                assert!(
                    read.get(&root).ok() == made.get(&root).ok(),
                    "it came out otherwise"
                );
            }
        }
    }
}

/// Whether a file is the one that was written. White space around a Fernet token is none of it.
fn is_written(vault: &str, file: &[u8]) -> bool {
    let is_token = vault.starts_with("gAAAAA");
    file == vault.as_bytes() || (is_token && file.trim_ascii() == vault.as_bytes())
}

static VAULT: LazyLock<VaultOptions> = LazyLock::new(|| Vault::options(HOOK.keys().clone()));

/// A vault in each format.
static VAULTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let values = r#"{"card":{"pan":"4111111111111111"},"hosts":["a"],"a.b":null}"#;
    let values = VaultValue::from_json(values).expect("it is JSON");
    let forms = [VaultForm::Jobcrypt, VaultForm::Fernet];
    let written = forms.map(|form| {
        let vault = VAULT.clone().form(form).make(&values).expect("it encrypts");
        vault.to_text().expect("it encrypts")
    });
    // Five, so that each of the four choices meets each format.
    [
        &written[0],
        &written[0],
        &written[1],
        &written[1],
        &written[1],
    ]
    .into_iter()
    .cloned()
    .collect()
});

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

static FIELDS: LazyLock<EncryptHook> = LazyLock::new(|| {
    let policy = Policy::fields(["/password"])
        .optional_fields(["/users/*/pin"])
        .bind(["/host", "/to/*"])
        .reject_plaintext();
    EncryptHook::builder(HOOK.keys().clone())
        .default_policy(policy)
        .build()
        .expect("the policy is sound")
});

static SEALED_FIELDS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let args =
        br#"{"host":"a","password":"41111111","users":[{"pin":41111111,"n":1},{}],"to":{"x":1}}"#;
    let sealed = FIELDS.seal_bytes(&JobContext::new("send_command"), args);
    sealed.expect("it encrypts").expect("it is sealed")
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
