//! What a queue is driven with, and what is looked through afterwards.

use std::sync::Arc;

use jobcrypt::{
    EncryptHook, JobContext, Keyring, Policy, SecretKey, UniqueKeys,
    audit::{JsonLines, Metrics},
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use workbench::{build, builder, keyring};

use crate::{CANARY, counts::Counts, log::Log, search::find, written::Written};

/// The protection that is switched off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Off {
    /// The words of workers are stored as they are.
    Errors,
    /// Unique jobs are known by a hash without a key.
    Hashes,
    Nothing,
    /// Outputs are recorded as the queue does it.
    Outputs,
    /// `hide_panics` was not called.
    Panics,
    /// Kinds are readable.
    Sealing,
}

/// What the whole process says: its log, its counters, and what it prints when it panics.
#[derive(Clone, Default)]
pub(crate) struct Process {
    pub(crate) log: Log,
    pub(crate) counts: Counts,
    pub(crate) panics: Written,
}

pub(crate) struct Stage {
    pub(crate) hook: EncryptHook,
    pub(crate) unique: Arc<UniqueKeys>,
    keys: [SecretKey; 5],
    audit: Written,
    secrets: Vec<Vec<u8>>,
}

/// What a queue leaves behind, as text.
#[derive(Default)]
pub(crate) struct Left {
    /// Errors and `Debug` of what was handled.
    pub(crate) texts: String,
    /// What the queue tells its listeners: it has tokens in it.
    pub(crate) events: String,
    /// Every table and file.
    pub(crate) store: String,
    /// The args as they are stored.
    pub(crate) args: Vec<String>,
}

impl Stage {
    pub(crate) fn new(off: Off) -> Self {
        let keys = [0; 5].map(|_| SecretKey::generate().expect("the system has random bytes"));
        let copy = |at: usize| SecretKey::from(*keys[at].expose());
        let mut secrets: Vec<Vec<u8>> = keys.iter().map(|key| key.expose().to_vec()).collect();
        secrets.push(CANARY.as_bytes().to_vec());
        let ring = Keyring::new(XChaCha20Poly1305::new(copy(0)))
            .and(Secretbox::new(copy(1)))
            .and(Fernet::new(copy(2)))
            .build()
            .expect("they are sound");
        let audit = Written::default();
        let audited = JsonLines::to(audit.clone()).open();
        let policy = match off {
            Off::Sealing => Policy::readable(),
            _ => Policy::sealed(),
        };
        let hook = build(
            builder(ring)
                .default_policy(policy)
                .kind("send_invoice", Policy::sealed().reject_plaintext())
                .audit(audited.expect("it has a thread"))
                .audit(Metrics::of_kinds(["charge_card", "send_invoice"])),
        );
        Self {
            hook,
            unique: Arc::new(UniqueKeys::new(copy(4)).namespace("test")),
            keys,
            audit,
            secrets,
        }
    }

    /// Another copy of one of the keys: 0 to 2 are those of the hook, 3 is a stranger's.
    pub(crate) fn key(&self, at: usize) -> SecretKey {
        SecretKey::from(*self.keys[at].expose())
    }

    /// Has a hash of what is hidden be looked for as well: whoever reads it can try what that is.
    pub(crate) fn hide_hash_of(&mut self, text: &str) {
        self.secrets.push(Sha256::digest(text).to_vec());
    }

    /// Jobs that somebody else put there, each a kind with args as they are stored: typed args that do not fit, a foreign key, a
    /// foreign namespace, garbage, plaintext where it is refused.
    pub(crate) fn planted(&self) -> [(&'static str, String); 5] {
        let stranger = build(builder(keyring(XChaCha20Poly1305::new(self.key(3)))));
        let sealing = build(builder(self.hook.keys().clone()));
        let elsewhere = build(EncryptHook::builder(self.hook.keys().clone()).namespace("other"));
        let seal = |hook: &EncryptHook, kind: &str, args: &str| {
            let sealed = hook.seal_bytes(&JobContext::new(kind), args.as_bytes());
            let sealed = sealed.expect("it seals").expect("the kind is sealed");
            String::from_utf8(sealed).expect("an envelope is JSON")
        };
        let args = json!({"password": CANARY}).to_string();
        let misfit = json!({"address": "a", "password": "p", "port": CANARY}).to_string();
        [
            ("sync_mailbox", seal(&sealing, "sync_mailbox", &misfit)),
            ("charge_card", seal(&stranger, "charge_card", &args)),
            ("charge_card", seal(&elsewhere, "charge_card", &args)),
            ("charge_card", r#"{"river_encrypt":"no token"}"#.to_owned()),
            (
                "send_invoice",
                r#"{"password":"plaintext of a stranger"}"#.to_owned(),
            ),
        ]
    }

    /// What is said of planted jobs, of keys, and of keys that must not be used.
    pub(crate) fn said(&self) -> Vec<String> {
        let mut texts = vec![format!(
            "{:?} {:?} {:?}",
            self.hook,
            self.hook.keys(),
            self.unique
        )];
        for (kind, stored) in self.planted() {
            let opened = self
                .hook
                .open_bytes(&JobContext::new(kind), stored.as_bytes());
            if let Err(error) = opened {
                texts.push(format!("{error} {error:?}"));
            }
        }
        for bytes in [
            vec![7; 31],
            [self.key(0).expose().as_slice(), b"x"].concat(),
        ] {
            texts.push(format!("{:?}", SecretKey::from_bytes(&bytes)));
        }
        let twice = Keyring::new(Fernet::new(self.key(0)))
            .and(Secretbox::new(self.key(0)))
            .build();
        texts.push(format!("{twice:?}"));
        texts
    }

    /// Returns where the canary or a key shows, having checked that there was something to look through.
    pub(crate) async fn found(self, process: &Process, left: Left, off: Off) -> Vec<String> {
        // Tokens rest in the store, and nowhere else.
        let bodies = left.args.iter().filter_map(|args| args.split('.').nth(3));
        let tokens: Vec<Vec<u8>> = bodies.map(|body| body.as_bytes()[..20].to_vec()).collect();
        assert!(
            off == Off::Sealing || tokens.len() >= 5,
            "there are tokens to look for: {}",
            tokens.len()
        );
        let kept: Vec<Vec<u8>> = [&*self.secrets, &tokens].concat();
        while !self.audit.text().contains("job.parked") {
            tokio::task::yield_now().await;
        }
        let (log, counts) = (process.log.text(), process.counts.text());
        for (place, text, expected) in [
            ("the log", &log, "job.waiting job.parked open.failed"),
            (
                "the counters",
                &counts,
                "jobcrypt_open_failures_total jobcrypt_jobs_parked_total kind=other",
            ),
        ] {
            let missed = expected.split(' ').find(|it| !text.contains(it));
            assert_eq!(missed, None, "{place} was not kept");
        }
        if off != Off::Sealing {
            for name in ["job.sealed", "job.opened"] {
                assert!(log.contains(name), "the log was not kept: no {name}");
            }
            for name in [
                "jobs_sealed_total kind=charge_card",
                "jobs_opened_total kind=charge_card",
            ] {
                assert!(counts.contains(name), "no {name} in {counts}");
            }
        }
        let found = [
            find("an error or Debug", &left.texts, &kept),
            find("an event", &left.events, &self.secrets),
            find("the store", &left.store, &self.secrets),
            find("the audit", &self.audit.text(), &kept),
            find("the log", &log, &kept),
            find("a counter", &counts, &kept),
            find("standard error", &process.panics.text(), &kept),
        ];
        found.into_iter().flatten().collect()
    }
}
