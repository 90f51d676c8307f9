//! What every encryptor must do, as functions that a test calls with the encryptor to check.

use std::{collections::HashSet, sync::Arc};

use jobcrypt_core::{
    CipherName, EncryptHook, Encryptor, Envelope, ErrorKind, JobContext, Keyring, Purpose,
};

/// Checks an encryptor: what it encrypts comes back, nothing else does, and the context holds.
///
/// `with_new_key` makes the encryptor under a new key at each call.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::SecretKey;
/// use jobcrypt_testkit::conformance;
///
/// conformance::encryptor(|| XChaCha20Poly1305::new(SecretKey::generate().unwrap()));
/// ```
///
/// # Panics
///
/// When the encryptor breaks its contract, saying how.
pub fn encryptor<E: Encryptor>(with_new_key: impl Fn() -> E) {
    names_itself(&with_new_key);
    brings_back_what_it_encrypts(&with_new_key());
    never_writes_the_same_twice(&with_new_key());
    encrypts_in_batches(&with_new_key());
    encrypts_what_another_key_held(&with_new_key(), &with_new_key());
    refuses_whatever_it_did_not_write(&with_new_key);
    binds_what_it_claims_to_bind(&with_new_key());
    keeps_the_context_in_a_hook(&with_new_key);
}

fn names_itself<E: Encryptor>(with_new_key: &impl Fn() -> E) {
    let (key, other) = (with_new_key(), with_new_key());
    let cipher = key.cipher();
    assert!(
        CipherName::ALL.contains(&cipher) || cipher.as_str().starts_with("x-"),
        "{cipher} is not a cipher of jobcrypt, so its name must begin with x-"
    );
    assert_eq!(
        key.key_id(),
        key.key_id(),
        "a key's id must stay what it is"
    );
    assert_ne!(
        key.key_id(),
        other.key_id(),
        "two keys must have two ids (does `with_new_key` make a new one at each call?)"
    );
}

fn brings_back_what_it_encrypts(key: &impl Encryptor) {
    for len in (0..=260).chain([4096, 65_537, 1 << 20]) {
        let message: Vec<u8> = (0..=250).cycle().take(len).collect();
        // Both buffers are appended to, so what stands in them must stay.
        let (mut body, mut plaintext) = (b"before".to_vec(), b"before".to_vec());
        key.encrypt(b"context", &message, &mut body)
            .expect("a sound encryptor encrypts");
        assert!(
            body.starts_with(b"before"),
            "`encrypt` must append to `body`"
        );
        key.decrypt(b"context", &body[6..], &mut plaintext)
            .unwrap_or_else(|error| panic!("{len} bytes do not come back: {error}"));
        assert!(
            plaintext.starts_with(b"before"),
            "`decrypt` must append to `plaintext`"
        );
        assert!(plaintext[6..] == message, "{len} bytes come back as others");
        // A few bytes are alike by chance, six are not.
        if (6..=260).contains(&len) {
            let readable = |part: &[u8]| body.windows(6).any(|window| window == part);
            assert!(
                !message.windows(6).any(readable),
                "the body holds a part of the message as it is"
            );
        }
    }
}

fn never_writes_the_same_twice(key: &impl Encryptor) {
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        let mut body = Vec::new();
        key.encrypt(b"context", b"the same args", &mut body)
            .expect("a sound encryptor encrypts");
        assert!(
            seen.insert(body),
            "the same body was written twice: the nonce must be fresh at every call"
        );
    }
}

fn encrypts_in_batches(key: &impl Encryptor) {
    let mut seen = HashSet::new();
    for announced in [0, 1, 40] {
        let mut batch = key
            .batch(announced)
            .expect("a sound encryptor begins a batch");
        // More may come than were announced.
        for _ in 0..announced + 2 {
            let mut body = b"before".to_vec();
            batch
                .encrypt(b"context", b"the same args", &mut body)
                .expect("a sound encryptor encrypts in a batch");
            assert!(body.starts_with(b"before"), "a batch must append to `body`");
            let mut plaintext = Vec::new();
            key.decrypt(b"context", &body[6..], &mut plaintext)
                .unwrap_or_else(|error| panic!("a batch writes what does not come back: {error}"));
            assert_eq!(plaintext, b"the same args", "a batch changes the args");
            assert!(
                seen.insert(body),
                "the same body was written twice in batches: the nonce must be fresh at every call"
            );
        }
    }
}

fn encrypts_what_another_key_held(key: &impl Encryptor, other: &impl Encryptor) {
    let (mut replaced, mut body) = (Vec::new(), b"before".to_vec());
    other
        .encrypt(b"context", b"some args of a job", &mut replaced)
        .expect("a sound encryptor encrypts");
    let mut again = Vec::new();
    key.re_encrypt(&replaced, b"context", b"some args of a job", &mut again)
        .expect("a sound encryptor encrypts again");
    key.re_encrypt(&replaced, b"context", b"some args of a job", &mut body)
        .expect("a sound encryptor encrypts again");
    assert!(
        body.starts_with(b"before"),
        "`re_encrypt` must append to `body`"
    );
    let mut plaintext = Vec::new();
    key.decrypt(b"context", &body[6..], &mut plaintext)
        .unwrap_or_else(|error| panic!("`re_encrypt` writes what does not come back: {error}"));
    assert_eq!(
        plaintext, b"some args of a job",
        "`re_encrypt` changes the args"
    );
    assert!(
        body[6..] != again,
        "`re_encrypt` wrote the same body twice: the nonce must be fresh at every call"
    );
}

fn refuses_whatever_it_did_not_write<E: Encryptor>(with_new_key: &impl Fn() -> E) {
    let (key, other) = (with_new_key(), with_new_key());
    let mut body = Vec::new();
    key.encrypt(b"context", b"some args of a job", &mut body)
        .expect("a sound encryptor encrypts");
    let refuses = |key: &E, body: &[u8], what: &str| {
        let mut plaintext = b"before".to_vec();
        let error = key
            .decrypt(b"context", body, &mut plaintext)
            .expect_err(what);
        assert_eq!(
            error.kind(),
            ErrorKind::AuthenticationFailed,
            "{what} as AuthenticationFailed, and was as {:?}",
            error.kind()
        );
        assert_eq!(plaintext, b"before", "{what}: something was left behind");
    };
    for bit in 0..body.len() * 8 {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refuses(&key, &flipped, "a flipped bit must be refused");
    }
    for len in 0..body.len() {
        refuses(&key, &body[..len], "a shortened body must be refused");
    }
    refuses(
        &key,
        &[&*body, b"\0"].concat(),
        "a lengthened body must be refused",
    );
    refuses(&other, &body, "another key must refuse");
}

fn binds_what_it_claims_to_bind(key: &impl Encryptor) {
    if !key.binds_associated_data() {
        return;
    }
    // Longer than what a key service may take, and each byte counts.
    let context: Vec<u8> = (0..=250).cycle().take(400).collect();
    let mut body = Vec::new();
    key.encrypt(&context, b"args", &mut body)
        .expect("a sound encryptor encrypts");
    let refuses = |foreign: &[u8]| {
        assert!(
            key.decrypt(foreign, &body, &mut Vec::new()).is_err(),
            "the encryptor claims to bind associated data and opens with other associated data"
        );
    };
    for place in 0..context.len() {
        let mut foreign = context.clone();
        foreign[place] ^= 1;
        refuses(&foreign);
        refuses(&context[..place]);
    }
    refuses(&[&*context, b"\0"].concat());
}

/// Behind `Arc<dyn Encryptor>`, as a keyring of mixed ciphers has them.
fn keeps_the_context_in_a_hook<E: Encryptor>(with_new_key: &impl Fn() -> E) {
    let key: Arc<dyn Encryptor> = Arc::new(with_new_key());
    let keyring = || {
        Keyring::new(Arc::clone(&key))
            .build()
            .expect("a single new key makes a keyring")
    };
    let hook = |namespace: &str| {
        EncryptHook::builder(keyring())
            .namespace(namespace)
            .build()
            .expect("the hook is sound")
    };
    let job = JobContext::new("send_invoice");
    let args = br#"{"iban":"DE89370400440532013000","n":12345678901234567890123}"#;
    let sealed = hook("prod")
        .seal_bytes(&job, args)
        .expect("a sound encryptor seals")
        .expect("all kinds are sealed");
    assert_eq!(
        hook("prod")
            .open_bytes(&job, &sealed)
            .expect("it opens where it belongs")
            .as_deref(),
        Some(&args[..])
    );
    for (namespace, foreign) in [
        ("prod", JobContext::new("send_invoices")),
        ("prod", JobContext::new("send_invoicf")),
        ("proc", job),
        ("prod", job.with_purpose(Purpose::OUTPUT)),
        ("prod", job.with_detail("iban")),
        ("staging", job),
        ("", job),
    ] {
        let error = hook(namespace)
            .open_bytes(&foreign, &sealed)
            .expect_err("a foreign context must be refused");
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{error}");
    }
    let text = std::str::from_utf8(&sealed).expect("an envelope is JSON");
    let token = text
        .trim_start_matches(r#"{"river_encrypt":""#)
        .trim_end_matches(r#""}"#);
    let envelope = Envelope::parse(token).expect("an envelope holds a token");
    assert_eq!(envelope.key_id(), key.key_id());
    assert_eq!(envelope.cipher(), key.cipher().as_str());
}
