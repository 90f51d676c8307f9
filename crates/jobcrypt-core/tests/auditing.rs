//! What a hook records of what it does, and that no secret is among it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jobcrypt_ciphers::{Fernet, XChaCha20Poly1305};
use jobcrypt_core::{
    AuditEvent, AuditSink, AuditValue, EncryptHook, EncryptHookBuilder, Error, ErrorKind,
    JobContext, KeyProvider, Keyring, Keys, LegacyForm, Policy, SecretKey,
};

const JOB: JobContext<'_> = JobContext::new("charge_card");
const STRICT_JOB: JobContext<'_> = JobContext::new("sync_mailbox");
const LEGACY_JOB: JobContext<'_> = JobContext::new("old_job");
const ARGS: &[u8] = br#"{"pan":"4111111111111111"}"#;

/// Keeps each event as `name field=value ...`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no writer panics with the lock"))
    }
}

impl AuditSink for Lines {
    fn record(&self, event: &AuditEvent<'_>) {
        let fields = event.fields().map(|(name, value)| match value {
            AuditValue::Count(count) => format!(" {name}={count}"),
            AuditValue::KeyId(id) => format!(" {name}={id}"),
            AuditValue::Text(text) => format!(" {name}={text}"),
        });
        let line = event.name().to_owned() + &fields.collect::<String>();
        let mut lines = self.0.lock().expect("no writer panics with the lock");
        lines.push(line);
    }
}

fn new_key() -> SecretKey {
    SecretKey::generate().expect("the system has random numbers")
}

fn builder(keys: impl Into<Keys>, lines: &Lines) -> EncryptHookBuilder {
    EncryptHook::builder(keys)
        .namespace("test")
        .kind("sync_mailbox", Policy::sealed().reject_plaintext())
        .audit(lines.clone())
}

fn keyring() -> Keyring {
    let keyring = Keyring::new(XChaCha20Poly1305::new(new_key())).build();
    keyring.expect("a new key makes a keyring")
}

#[test]
fn what_happens_to_a_job_is_recorded_with_its_key() -> Result<(), Error> {
    let lines = Lines::default();
    let hook = builder(keyring(), &lines).build()?;
    let key = hook.keys().snapshot().primary().key_id();
    assert_eq!(
        lines.take(),
        [format!("encryption.enabled namespace=test key={key}")]
    );

    let mut args = ARGS.to_vec();
    hook.seal(&JOB, &mut args)?;
    let token = args.clone();
    hook.open(&JOB, &mut args)?;
    hook.open(&JOB, &mut args)?;
    let moved = JobContext::new("send_invoice");
    let error = hook.open_bytes(&moved, &token).expect_err("it is bound");
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    hook.open_bytes(&STRICT_JOB, ARGS)
        .expect_err("plaintext is rejected");
    assert_eq!(
        lines.take(),
        [
            format!("job.sealed kind=charge_card key={key}"),
            format!("job.opened kind=charge_card key={key}"),
            "plaintext.accepted kind=charge_card".to_owned(),
            format!("open.failed kind=send_invoice class=authentication_failed key={key}"),
            "plaintext.rejected kind=sync_mailbox".to_owned(),
        ]
    );
    Ok(())
}

#[test]
fn a_batch_is_recorded_job_by_job() -> Result<(), Error> {
    let lines = Lines::default();
    let hook = builder(keyring(), &lines).build()?;
    lines.take();
    let mut batch = [ARGS.to_vec(), ARGS.to_vec()];
    hook.seal_batch(batch.iter_mut().map(|args| (JOB, args)))?;
    assert_eq!(lines.take().len(), 2);
    Ok(())
}

#[test]
fn a_legacy_job_is_recorded_as_what_nothing_vouches_for() -> Result<(), Error> {
    let lines = Lines::default();
    let secret = new_key();
    let encryptor = Fernet::new(secret);
    let mut body = Vec::new();
    jobcrypt_core::Encryptor::encrypt(&encryptor, &[], ARGS, &mut body)?;
    let token = base64_simd::URL_SAFE.encode_to_string(&body);
    let legacy = Policy::sealed().legacy(LegacyForm::PlainFernet);
    let hook = builder(Keyring::new(encryptor).build()?, &lines)
        .kind("old_job", legacy)
        .build()?;
    lines.take();
    let opened = hook.open_bytes(&LEGACY_JOB, format!("\"{token}\"").as_bytes())?;
    assert_eq!(opened.as_deref(), Some(ARGS));
    assert_eq!(
        lines.take(),
        ["legacy.accepted kind=old_job form=plain_fernet"]
    );
    Ok(())
}

#[test]
fn leaving_encryption_is_recorded() -> Result<(), Error> {
    let lines = Lines::default();
    let hook = EncryptHook::builder(keyring())
        .audit(lines.clone())
        .build()?;
    lines.take();
    hook.to_decrypt_only()?;
    assert_eq!(lines.take(), ["encryption.disabled namespace="]);
    Ok(())
}

/// A source that never has the key that is asked for.
struct Other;

#[async_trait]
impl KeyProvider for Other {
    async fn keyring(&self) -> Result<Keyring, Error> {
        Ok(keyring())
    }
}

#[test]
fn a_key_that_does_not_come_is_recorded_once_for_each_question() -> Result<(), Error> {
    let lines = Lines::default();
    let foreign = EncryptHook::builder(keyring()).namespace("test").build()?;
    let key = foreign.keys().snapshot().primary().key_id();
    let token = foreign.seal_bytes(&JOB, ARGS)?.expect("all is sealed");
    let run = async {
        let hook = builder(Keys::from_provider(Other).await?, &lines).build()?;
        lines.take();
        for _ in 0..3 {
            let mut args = token.clone();
            let error = hook.open_or_reload(&JOB, &mut args).await;
            assert_eq!(
                error.expect_err("it has no such key").kind(),
                ErrorKind::NoMatchingKey
            );
        }
        Ok::<(), Error>(())
    };
    ready(run)?;
    let lines = lines.take();
    let failed = format!("open.failed kind=charge_card class=no_matching_key key={key}");
    let unknown = format!("key.unknown key={key} kind=charge_card");
    // Asked once within the interval, so opened once more than there were jobs.
    assert_eq!(lines.iter().filter(|line| **line == failed).count(), 4);
    assert_eq!(lines.iter().filter(|line| **line == unknown).count(), 1);
    Ok(())
}

/// Runs what never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("nothing here waits"),
    }
}

#[test]
fn no_event_holds_args_or_tokens() -> Result<(), Error> {
    let lines = Lines::default();
    let hook = builder(keyring(), &lines).build()?;
    let token = hook.seal_bytes(&JOB, ARGS)?.expect("all is sealed");
    let mut altered = token.clone();
    altered[60] ^= 1;
    for stored in [
        &token,
        &altered,
        &ARGS.to_vec(),
        &br#"{"river_encrypt":"jc1.4111111111111111"}"#.to_vec(),
    ] {
        for job in [JOB, STRICT_JOB] {
            // What of it fails is another test's business.
            let _ = hook.open_bytes(&job, stored);
        }
    }
    let all = lines.take().join("\n");
    let body = &token[token.len() - 30..token.len() - 2];
    assert!(!all.contains("41111111"), "{all}");
    assert!(
        !all.contains(std::str::from_utf8(body).expect("a token is ASCII")),
        "{all}"
    );
    Ok(())
}
