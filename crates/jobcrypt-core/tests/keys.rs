//! Rotation, tombstones, and keys that arrive later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
use jobcrypt_core::{
    CipherName, EncryptHook, Error, ErrorKind, JobContext, KeyProvider, Keyring, Keys, SecretKey,
};

const JOB: JobContext<'static> = JobContext::new("send_invoice");
const HOUR: Duration = Duration::from_secs(3600);

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

fn hook(keys: impl Into<Keys>) -> EncryptHook {
    EncryptHook::builder(keys).build().expect("it is sound")
}

/// Runs a future that never waits for anything.
fn now<F: Future>(future: F) -> F::Output {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a provider of these tests answers at once"),
    }
}

/// Answers with the keyring of each step in turn, then with the last one for ever.
struct Scripted {
    steps: Vec<Box<dyn Fn() -> Result<Keyring, Error> + Send + Sync>>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl KeyProvider for Scripted {
    async fn keyring(&self) -> Result<Keyring, Error> {
        let step = self.asked.fetch_add(1, Ordering::Relaxed);
        self.steps[step.min(self.steps.len() - 1)]()
    }
}

fn of(bytes: [u8; 32]) -> Result<Keyring, Error> {
    Keyring::new(XChaCha20Poly1305::new(bytes.into())).build()
}

fn unreachable() -> Result<Keyring, Error> {
    Err(Error::key_source_unavailable("connection refused"))
}

#[test]
fn a_rotation_from_one_cipher_to_another_opens_old_and_new() {
    let old = *key().expose();
    let hook = hook(
        Keyring::new(Fernet::new(old.into()))
            .build()
            .expect("it is sound"),
    );
    let before = hook
        .seal_bytes(&JOB, b"[1]")
        .expect("it seals")
        .expect("it is sealed");
    let next = Keyring::new(XChaCha20Poly1305::new(key()))
        .and(Fernet::new(old.into()))
        .build()
        .expect("two keys are sound");
    hook.keys().swap(next);
    let after = hook
        .seal_bytes(&JOB, b"[2]")
        .expect("it seals")
        .expect("it is sealed");
    assert!(after.starts_with(br#"{"river_encrypt":"jc1.xchacha20poly1305."#));
    for (sealed, args) in [(before, b"[1]"), (after, b"[2]")] {
        let opened = hook.open_bytes(&JOB, &sealed).expect("it opens");
        assert_eq!(opened.as_deref(), Some(&args[..]));
    }
}

#[test]
fn a_retired_key_is_told_from_an_unknown_one() {
    let old = *key().expose();
    let sealed = hook(of(old).expect("it is sound"))
        .seal_bytes(&JOB, b"[]")
        .expect("it seals")
        .expect("it is sealed");
    let unknown = hook(of(*key().expose()).expect("it is sound"));
    let error = unknown.open_bytes(&JOB, &sealed).expect_err("no key fits");
    assert_eq!(error.kind(), ErrorKind::NoMatchingKey);
    assert!(error.is_retryable());
    let id = SecretKey::from(old).id(CipherName::XCHACHA20_POLY1305);
    let retired = Keyring::new(XChaCha20Poly1305::new(key()))
        .retired(id)
        .build();
    let error = hook(retired.expect("it is sound"))
        .open_bytes(&JOB, &sealed)
        .expect_err("the key is gone");
    assert_eq!(error.kind(), ErrorKind::KeyRetired);
    assert!(!error.is_retryable());
    assert_eq!(error.key_id(), Some(id));
}

#[test]
fn a_key_that_arrives_is_found_by_one_reload() {
    let (old, new) = (*key().expose(), *key().expose());
    let sealed = hook(of(new).expect("it is sound"))
        .seal_bytes(&JOB, b"[]")
        .expect("it seals")
        .expect("it is sealed");
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = Scripted {
        steps: vec![Box::new(move || of(old)), Box::new(move || of(new))],
        asked: Arc::clone(&asked),
    };
    let keys = now(Keys::from_provider_every(HOUR, provider)).expect("the source answers");
    let hook = hook(keys);
    let mut args = sealed;
    assert!(now(hook.open_or_reload(&JOB, &mut args)).expect("the reload brings the key"));
    assert_eq!(args, b"[]");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn ten_thousand_jobs_under_an_unknown_key_cost_one_question() {
    let (mine, foreign) = (*key().expose(), *key().expose());
    let sealed = hook(of(foreign).expect("it is sound"))
        .seal_bytes(&JOB, b"[]")
        .expect("it seals")
        .expect("it is sealed");
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = Scripted {
        steps: vec![Box::new(move || of(mine))],
        asked: Arc::clone(&asked),
    };
    let hook = hook(now(Keys::from_provider_every(HOUR, provider)).expect("the source answers"));
    for _ in 0..10_000 {
        let error = now(hook.open_or_reload(&JOB, &mut sealed.clone())).expect_err("no key fits");
        assert_eq!(error.kind(), ErrorKind::NoMatchingKey);
    }
    assert_eq!(
        asked.load(Ordering::Relaxed),
        2,
        "the first load and one reload"
    );
}

#[test]
fn an_unreachable_source_is_told_from_an_unknown_key_and_the_keys_in_use_stay() {
    let (mine, foreign) = (*key().expose(), *key().expose());
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = Scripted {
        steps: vec![Box::new(move || of(mine)), Box::new(unreachable)],
        asked: Arc::clone(&asked),
    };
    let hook_of_mine = hook(now(Keys::from_provider_every(HOUR, provider)).expect("it answers"));
    let sealed = hook(of(foreign).expect("it is sound"))
        .seal_bytes(&JOB, b"[]")
        .expect("it seals")
        .expect("it is sealed");
    for _ in 0..3 {
        let error = now(hook_of_mine.open_or_reload(&JOB, &mut sealed.clone()))
            .expect_err("the source is down");
        assert_eq!(error.kind(), ErrorKind::KeySourceUnavailable, "{error}");
        assert!(error.is_retryable());
    }
    assert_eq!(
        asked.load(Ordering::Relaxed),
        2,
        "it is not asked again within the interval"
    );
    let own = hook_of_mine
        .seal_bytes(&JOB, b"[]")
        .expect("it seals")
        .expect("it is sealed");
    assert!(hook_of_mine.open_bytes(&JOB, &own).is_ok());
}

#[test]
fn whatever_a_provider_says_is_no_verdict_on_the_job() {
    let (mine, foreign) = (*key().expose(), *key().expose());
    let provider = Scripted {
        steps: vec![
            Box::new(move || of(mine)),
            Box::new(|| {
                Err(Error::new(
                    ErrorKind::AuthenticationFailed,
                    "the login failed",
                ))
            }),
        ],
        asked: Arc::default(),
    };
    let hook_of_mine = hook(now(Keys::from_provider_every(HOUR, provider)).expect("it answers"));
    let mut sealed = hook(of(foreign).expect("it is sound"))
        .seal_bytes(&JOB, b"[]")
        .expect("it seals")
        .expect("it is sealed");
    let error = now(hook_of_mine.open_or_reload(&JOB, &mut sealed)).expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::KeySourceUnavailable);
    assert_eq!(error.job_kind(), Some("send_invoice"));
    let source = std::error::Error::source(&error).expect("the provider's error is kept");
    assert!(source.to_string().contains("the login failed"), "{source}");
}

/// Never answers.
struct Silent(std::sync::Mutex<Option<Keyring>>);

#[async_trait]
impl KeyProvider for Silent {
    async fn keyring(&self) -> Result<Keyring, Error> {
        let first = self.0.lock().expect("no test panics with the lock").take();
        match first {
            Some(keyring) => Ok(keyring),
            None => std::future::pending().await,
        }
    }
}

#[test]
fn one_reload_is_under_way_at_a_time_and_one_that_is_given_up_makes_room() {
    let first = of(*key().expose()).expect("it is sound");
    let provider = Silent(std::sync::Mutex::new(Some(first)));
    let keys = now(Keys::from_provider_every(Duration::ZERO, provider)).expect("it answers once");
    let mut context = Context::from_waker(Waker::noop());
    let mut asking = Box::pin(keys.reload());
    assert!(asking.as_mut().poll(&mut context).is_pending());
    assert!(!now(keys.reload()).expect("it does not ask while another does"));
    drop(asking);
    let mut asking = Box::pin(keys.reload());
    assert!(
        asking.as_mut().poll(&mut context).is_pending(),
        "the turn is free again"
    );
}

#[test]
fn a_reload_does_not_undo_what_was_swapped_in_meanwhile() {
    struct SwapsWhileAsked(Arc<std::sync::OnceLock<Keys>>, [u8; 32]);

    #[async_trait]
    impl KeyProvider for SwapsWhileAsked {
        async fn keyring(&self) -> Result<Keyring, Error> {
            if let Some(keys) = self.0.get() {
                keys.rotate(XChaCha20Poly1305::new(key()))?;
            }
            of(self.1)
        }
    }

    let old = *key().expose();
    let handle = Arc::new(std::sync::OnceLock::new());
    let provider = SwapsWhileAsked(Arc::clone(&handle), old);
    let keys = now(Keys::from_provider_every(Duration::ZERO, provider)).expect("it answers");
    assert!(handle.set(keys.clone()).is_ok());
    assert!(now(keys.reload()).expect("it answers"));
    assert_eq!(keys.snapshot().keys().count(), 2, "the rotation stays");
}

#[test]
fn a_key_goes_from_secondary_to_primary_and_tombstones_stay() {
    let (old, new) = (*key().expose(), *key().expose());
    let gone = key().id(CipherName::FERNET);
    let first = Keyring::new(XChaCha20Poly1305::new(old.into()))
        .retired(gone)
        .build();
    let keys: Keys = first.expect("it is sound").into();
    let staged = keys
        .snapshot()
        .with_secondary(XChaCha20Poly1305::new(new.into()));
    keys.swap(staged.build().expect("two keys are sound"));
    let new_id = SecretKey::from(new).id(CipherName::XCHACHA20_POLY1305);
    assert_ne!(keys.snapshot().primary().key_id(), new_id);
    keys.rotate(XChaCha20Poly1305::new(new.into()))
        .expect("the key moves to the front");
    let keyring = keys.snapshot();
    assert_eq!(keyring.primary().key_id(), new_id);
    assert_eq!(keyring.keys().count(), 2);
    assert!(keyring.is_retired(gone));
    assert!(keys.rotate(XChaCha20Poly1305::new([0; 32].into())).is_err());
    assert_eq!(
        keys.snapshot().primary().key_id(),
        new_id,
        "a weak key changes nothing"
    );
}
