//! Many jobs sealed in one call: what their key is asked for, and how often.

use std::sync::{Arc, Mutex};

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{
    Batch, CipherName, EncryptHook, Encryptor, Error, ErrorKind, JobContext, Key, KeyId, Keyring,
    Policy, SecretKey,
};

const KINDS: [&str; 3] = ["charge_card", "rebuild_index", "send_mail"];

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

/// Notes how large the batches are that it begins.
struct Noting(XChaCha20Poly1305, Arc<Mutex<Vec<usize>>>);

impl Encryptor for Noting {
    fn cipher(&self) -> CipherName {
        self.0.cipher()
    }

    fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    fn binds_associated_data(&self) -> bool {
        true
    }

    fn encrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
        panic!("a batch is encrypted as one");
    }

    fn batch(&self, count: usize) -> Result<Box<dyn Batch + '_>, Error> {
        self.1.lock().expect("nothing panics with it").push(count);
        self.0.batch(count)
    }

    fn decrypt(&self, bound: &[u8], body: &[u8], plaintext: &mut Vec<u8>) -> Result<(), Error> {
        self.0.decrypt(bound, body, plaintext)
    }
}

fn args(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("[{n}]").into_bytes()).collect()
}

fn jobs(args: &mut [Vec<u8>]) -> impl Iterator<Item = (JobContext<'static>, &mut Vec<u8>)> {
    let kinds = KINDS.iter().cycle();
    kinds
        .zip(args)
        .map(|(kind, args)| (JobContext::new(kind), args))
}

#[test]
fn each_key_is_asked_once_for_the_jobs_that_it_seals() {
    let (cards, others) = (Arc::default(), Arc::default());
    let noting = |noted: &Arc<Mutex<Vec<usize>>>| {
        Key::new(Noting(XChaCha20Poly1305::new(key()), Arc::clone(noted)))
    };
    let keyring = Keyring::new(noting(&cards).with_kinds(["charge_card"])).and(noting(&others));
    let hook = EncryptHook::builder(keyring.build().expect("both are sound"))
        .kind("rebuild_index", Policy::readable())
        .build()
        .expect("it is sound");
    let before = args(100);
    let mut after = before.clone();
    hook.seal_batch(jobs(&mut after)).expect("it seals");
    assert_eq!(*cards.lock().expect("nothing panics with it"), [34]);
    assert_eq!(*others.lock().expect("nothing panics with it"), [33]);
    for ((context, after), before) in jobs(&mut after).zip(&before) {
        let is_readable = context.kind() == "rebuild_index";
        assert_eq!(after == before, is_readable);
        hook.open(&context, after).expect("it opens");
        assert_eq!(after, before);
    }
}

#[test]
fn no_batch_begins_where_nothing_is_sealed() {
    let noted = Arc::default();
    let noting = Noting(XChaCha20Poly1305::new(key()), Arc::clone(&noted));
    let hook = EncryptHook::builder(Keyring::new(noting).build().expect("it is sound"))
        .include(["other"])
        .build()
        .expect("it is sound");
    hook.seal_batch(jobs(&mut [])).expect("nothing is nothing");
    hook.seal_batch(jobs(&mut args(3)))
        .expect("all are readable");
    assert!(noted.lock().expect("nothing panics with it").is_empty());
}

#[test]
fn no_two_jobs_of_a_batch_share_a_nonce() {
    fn check(encryptor: &impl Encryptor, nonce_at: std::ops::Range<usize>) {
        let cipher = encryptor.cipher();
        let mut batch = encryptor.batch(50).expect("the system has random bytes");
        // More than were announced, too.
        let mut nonces: Vec<Vec<u8>> = (0..60)
            .map(|_| {
                let mut body = Vec::new();
                batch.encrypt(&[], b"{}", &mut body).expect("it encrypts");
                let mut plaintext = Vec::new();
                encryptor
                    .decrypt(&[], &body, &mut plaintext)
                    .expect("it is its own");
                assert_eq!(plaintext, b"{}");
                body[nonce_at.clone()].to_vec()
            })
            .collect();
        nonces.sort();
        nonces.dedup();
        assert_eq!(nonces.len(), 60, "{cipher}");
    }
    check(&XChaCha20Poly1305::new(key()), 0..24);
    check(&Secretbox::new(key()), 0..24);
    check(&Fernet::new(key()), 9..25);
}

#[test]
fn the_job_that_fails_is_named_and_all_args_stay() {
    let hook = EncryptHook::builder(
        Keyring::new(XChaCha20Poly1305::new(key()))
            .build()
            .expect("it is sound"),
    )
    .build()
    .expect("it is sound");
    let mut all = args(3);
    hook.seal_batch(jobs(&mut all[2..]).take(1))
        .expect("it seals");
    let before = all.clone();
    let error = hook
        .seal_batch(jobs(&mut all))
        .expect_err("the third is sealed already");
    assert_eq!(error.kind(), ErrorKind::AlreadySealed);
    assert_eq!(error.job_kind(), Some("send_mail"));
    assert_eq!(all, before);
}
