//! What is known of a key beside its bytes: its name for people, its last day, where it may be used.

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use jobcrypt_ciphers::{Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    CipherName, EncryptHook, EncryptHookBuilder, Envelope, ErrorKind, JobContext, Key, Keyring,
    LegacyForm, Policy, SecretKey,
};
use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber,
};

const CARD: JobContext<'static> = JobContext::new("charge_card");
const MAIL: JobContext<'static> = JobContext::new("send_mail");
const ARGS: &[u8] = br#"{"pan":"4111111111111111"}"#;

fn new_key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn key() -> Key {
    Key::new(XChaCha20Poly1305::new(new_key()))
}

fn hook_of(first: Key, second: Key) -> EncryptHookBuilder {
    EncryptHook::builder(
        Keyring::new(first)
            .and(second)
            .build()
            .expect("both are sound"),
    )
}

fn sealed(hook: &EncryptHook, job: &JobContext<'_>) -> Vec<u8> {
    let sealed = hook.seal_bytes(job, ARGS).expect("a key may seal it");
    sealed.expect("every kind is sealed")
}

fn key_of(stored: &[u8]) -> String {
    let stored: serde_json::Value = serde_json::from_slice(stored).expect("it is JSON");
    let token = stored["river_encrypt"].as_str().expect("a token is text");
    let envelope = Envelope::parse(token).expect("it is a token");
    envelope.key_id().to_string()
}

#[test]
fn a_bound_key_seals_its_kinds_and_leaves_the_others_to_the_next() {
    let (cards, rest) = (key().with_kinds(["charge_card"]), key());
    let ids = [cards.key_id().to_string(), rest.key_id().to_string()];
    let hook = hook_of(cards, rest).build().expect("it is sound");
    for (job, id) in [(CARD, &ids[0]), (MAIL, &ids[1])] {
        let stored = sealed(&hook, &job);
        assert_eq!(&key_of(&stored), id);
        let opened = hook.open_bytes(&job, &stored).expect("the key may open it");
        assert_eq!(opened.as_deref(), Some(ARGS));
    }
}

#[test]
fn a_bound_key_goes_first_wherever_it_stands_and_has_a_rotation_of_its_own() {
    let cards = || key().with_kinds(["charge_card"]);
    let (first, bound) = (key(), cards());
    let id = bound.key_id();
    let hook = hook_of(first, bound).build().expect("it is sound");
    let [card, letter] = ["charge_card", "send_letter"].map(JobContext::new);
    let rotated = hook.keys().rotate(key());
    rotated.expect("a new key is sound");
    assert_eq!(key_of(&sealed(&hook, &card)), id.to_string());
    let primary = hook.keys().snapshot().primary().key_id().to_string();
    assert_eq!(key_of(&sealed(&hook, &letter)), primary);

    let successor = cards();
    let successor_id = successor.key_id().to_string();
    let next = hook.keys().snapshot().with_successor(id, successor).build();
    hook.keys().swap(next.expect("a new key is sound"));
    assert_eq!(key_of(&sealed(&hook, &card)), successor_id);
    assert_eq!(key_of(&sealed(&hook, &letter)), primary);
}

#[test]
fn a_token_of_a_key_that_is_bound_elsewhere_is_parked() {
    let bytes = *new_key().expose();
    let bound = |key: Key| {
        let keyring = Keyring::new(self::key()).and(key).build();
        EncryptHook::builder(keyring.expect("both are sound"))
            .namespace("prod")
            .build()
            .expect("it is sound")
    };
    let of = || Key::new(XChaCha20Poly1305::new(bytes.into()));
    let free = EncryptHook::builder(Keyring::new(of()).build().expect("it is sound"))
        .namespace("prod")
        .build()
        .expect("it is sound");
    let stored = sealed(&free, &MAIL);
    for elsewhere in [
        of().with_kinds(["charge_card"]),
        of().with_namespaces(["staging"]),
        of().with_kinds(["send_mail"]).with_namespaces(["staging"]),
    ] {
        let error = bound(elsewhere)
            .open_bytes(&MAIL, &stored)
            .expect_err("the key may not open it");
        assert_eq!(error.kind(), ErrorKind::KeyNotAllowed);
        assert!(!error.is_retryable());
        assert_eq!(error.job_kind(), Some("send_mail"));
        assert_eq!(error.key_id(), Some(of().key_id()));
    }
    let here = of().with_kinds(["send_mail"]).with_namespaces(["prod"]);
    assert!(bound(here).open_bytes(&MAIL, &stored).is_ok());
}

#[test]
fn a_bound_key_is_not_tried_on_legacy_jobs_of_other_kinds() {
    let bytes = *new_key().expose();
    let mut body = Vec::new();
    let secretbox = || Secretbox::new(bytes.into());
    jobcrypt_core::Encryptor::encrypt(&secretbox(), &[], ARGS, &mut body).expect("it encrypts");
    let stored = format!("\"{}\"", base64_simd::STANDARD.encode_to_string(body));
    let hook = hook_of(key(), Key::new(secretbox()).with_kinds(["charge_card"]))
        .default_policy(Policy::sealed().legacy(LegacyForm::PlainBox))
        .build()
        .expect("it is sound");
    assert!(hook.open_bytes(&CARD, stored.as_bytes()).is_ok());
    let error = hook.open_bytes(&MAIL, stored.as_bytes());
    assert_eq!(
        error.expect_err("no key may be tried").kind(),
        ErrorKind::NoMatchingKey
    );
}

#[test]
fn a_kind_that_no_key_may_seal_is_an_error_before_anything_is_stored() {
    let both = || {
        (
            key().with_kinds(["charge_card"]),
            key().with_kinds(["refund"]),
        )
    };
    let (first, second) = both();
    let hook = hook_of(first, second)
        .build()
        .expect("others may be sealed");
    let error = hook
        .seal_bytes(&MAIL, ARGS)
        .expect_err("no key may seal it");
    assert_eq!(error.kind(), ErrorKind::KeyNotAllowed);
    assert_eq!(error.job_kind(), Some("send_mail"));

    let (first, second) = both();
    let named = hook_of(first, second).kind("send_mail", Policy::sealed());
    let error = named.build().expect_err("the kind is named");
    assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
    let elsewhere = || key().with_namespaces(["staging"]);
    let error = hook_of(elsewhere(), elsewhere()).namespace("prod").build();
    assert_eq!(
        error.expect_err("nothing could be sealed").kind(),
        ErrorKind::InvalidConfiguration
    );
}

#[test]
fn plaintext_of_a_readable_kind_needs_no_key_to_stay_where_it_is() {
    let bound = || key().with_kinds(["charge_card"]);
    let hook = hook_of(bound(), bound())
        .default_policy(Policy::readable())
        .build()
        .expect("readable kinds need no key");
    let moved = hook.migrate_bytes(&JobContext::new("rebuild_index"), b"{}");
    assert_eq!(moved.expect("there is nothing to move"), None);
}

#[test]
fn a_list_that_allows_nothing_is_refused() {
    for shut in [
        key().with_kinds(Vec::<&str>::new()),
        key().with_namespaces(Vec::<&str>::new()),
    ] {
        let error = Keyring::new(key()).and(shut).build();
        let error = error
            .expect_err("the second key allows nothing")
            .to_string();
        assert!(error.contains("key 2 of 2"), "{error}");
    }
}

/// Counts the events of a name.
struct Events(&'static str, Arc<Mutex<u32>>);

impl Subscriber for Events {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(
            &mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                write!(text, "{value:?}").expect("a string takes all");
            },
        );
        if text.contains(self.0) {
            *self.1.lock().expect("nothing panics with it") += 1;
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_key_after_its_last_day_still_seals_and_warns_once() {
    let day = Duration::from_secs(24 * 3600);
    for (date, expected) in [(SystemTime::now() - day, 1), (SystemTime::now() + day, 0)] {
        let dated = key().with_not_after(date).with_alias("cards-2026");
        let hook = hook_of(dated, key()).build().expect("it is sound");
        let warnings = Arc::new(Mutex::new(0));
        subscriber::with_default(Events("key.overdue", Arc::clone(&warnings)), || {
            for _ in 0..3 {
                sealed(&hook, &CARD);
            }
        });
        assert_eq!(*warnings.lock().expect("nothing panics with it"), expected);
    }
}

#[test]
fn an_alias_is_for_people_and_in_no_token() {
    let named = key().with_alias("cards-2026");
    let hook = hook_of(named, key()).build().expect("it is sound");
    let stored = String::from_utf8(sealed(&hook, &CARD)).expect("it is JSON");
    assert!(!stored.contains("cards-2026"));
    assert!(format!("{hook:?}").contains("cards-2026"));
    let keyring = hook.keys().snapshot();
    assert_eq!(keyring.primary().alias(), Some("cards-2026"));
    assert_eq!(keyring.primary().cipher(), CipherName::XCHACHA20_POLY1305);
    assert_eq!(keyring.primary().not_after(), None);
}
