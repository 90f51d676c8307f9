//! Keys that change, arrive late or cannot be reached while River works.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jobcrypt::{
    Error, JobContext, KeyProvider, Keyring, Keys,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
};
use riverqueue::JobEventKind;
use serde_json::json;

use workbench::{
    Bench, ChargeCard, Database, SendInvoice, build, builder, hook, key, keyring, on_both_databases,
};

/// A source whose answer a test changes.
#[derive(Clone)]
struct Source(Arc<Mutex<Option<Vec<[u8; 32]>>>>);

impl Source {
    fn of(keys: &[[u8; 32]]) -> Self {
        Self(Arc::new(Mutex::new(Some(keys.to_vec()))))
    }

    fn becomes(&self, keys: Option<&[[u8; 32]]>) {
        *self.0.lock().expect("no test panics with the lock") = keys.map(<[_]>::to_vec);
    }
}

#[async_trait]
impl KeyProvider for Source {
    async fn keyring(&self) -> Result<Keyring, Error> {
        let keys = self.0.lock().expect("no test panics with the lock").clone();
        let keys = keys.ok_or_else(|| Error::key_source_unavailable("connection refused"))?;
        let mut keyring = Keyring::new(XChaCha20Poly1305::new(keys[0].into()));
        for key in &keys[1..] {
            keyring = keyring.and(XChaCha20Poly1305::new((*key).into()));
        }
        keyring.build()
    }
}

/// Answers once, and then never.
struct Silent(Mutex<Option<Keyring>>);

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

async fn silent() -> Keys {
    let first = keyring(XChaCha20Poly1305::new(key()));
    Keys::from_provider(Silent(Mutex::new(Some(first))))
        .await
        .expect("it answers once")
}

async fn plant_foreign(database: &Database) -> i64 {
    let stranger = hook();
    let sealed = stranger.seal_bytes(&JobContext::new("charge_card"), b"[0]");
    let sealed = sealed.expect("it seals").expect("the kind is sealed");
    let sealed = String::from_utf8(sealed).expect("an envelope is JSON");
    database.plant("charge_card", &sealed).await
}

on_both_databases! {
    async fn a_source_that_never_answers_holds_up_one_job_and_no_other(database: Database) {
        for _ in 0..20 {
            plant_foreign(&database).await;
        }
        let mut bench = Bench::start(&database, &build(builder(silent().await)));
        for _ in 0..10 {
            bench.client.insert(SendInvoice::new("[1]")).await.expect("it is inserted");
        }
        for _ in 0..10 {
            assert_eq!(bench.seen().await.0, "send_invoice");
        }
        bench.stop_and_cancel().await;
    }

    async fn a_client_that_stops_while_it_asks_for_a_key_gives_the_attempt_back(database: Database) {
        let id = plant_foreign(&database).await;
        let bench = Bench::start(&database, &build(builder(silent().await)));
        while database.job(id).await.state != "running" {
            tokio::task::yield_now().await;
        }
        bench.stop_and_cancel().await;
        let job = database.job(id).await;
        assert_eq!((job.state.as_str(), job.attempt), ("available", 0), "{job:?}");
        assert!(job.args.contains("jc1."), "{job:?}");
    }

    async fn a_key_that_arrives_with_a_reload_opens_the_job_in_the_same_attempt(database: Database) {
        let (old, new) = (*key().expose(), *key().expose());
        let source = Source::of(&[old]);
        let worker = build(builder(Keys::from_provider(source.clone()).await.expect("it answers")));
        let producer = build(builder(keyring(XChaCha20Poly1305::new(new.into()))));
        source.becomes(Some(&[old, new]));
        let mut bench = Bench::start(&database, &worker);
        let inserting = database
            .client()
            .plugin(jobcrypt::river::EncryptPlugin::new(producer))
            .build()
            .expect("it is sound");
        let inserted = inserting.insert(ChargeCard::new("[1]")).await.expect("it is inserted");
        assert_eq!(bench.seen().await.1, "[1]");
        assert_eq!(bench.event_of(inserted.id()).await.kind, JobEventKind::Completed);
        bench.stop().await;
    }

    async fn while_the_source_is_unreachable_the_job_waits_without_using_an_attempt(database: Database) {
        let (old, new) = (*key().expose(), *key().expose());
        let source = Source::of(&[old]);
        let worker = build(builder(Keys::from_provider(source.clone()).await.expect("it answers")));
        source.becomes(None);
        let mut bench = Bench::start(&database, &worker);
        let producer = build(builder(keyring(XChaCha20Poly1305::new(new.into()))));
        let inserting = database
            .client()
            .plugin(jobcrypt::river::EncryptPlugin::new(producer))
            .build()
            .expect("it is sound");
        let stored = inserting.insert(ChargeCard::new("[1]")).await.expect("it is inserted");
        assert_eq!(bench.event_of(stored.id()).await.kind, JobEventKind::Snoozed);
        let job = database.job(stored.id()).await;
        assert_eq!((job.state.as_str(), job.attempt, job.years_ahead), ("scheduled", 0, 0));
        assert_eq!(job.metadata["jobcrypt"]["waiting"]["class"], json!("key_source_unavailable"));
        assert!(job.args.contains("jc1."), "{job:?}");
        // Jobs under the keys in use are worked all the while.
        bench.client.insert(ChargeCard::new("[2]")).await.expect("it is inserted");
        assert_eq!(bench.seen().await.1, "[2]");
        bench.stop().await;
    }

    async fn a_rotation_across_ciphers_while_jobs_are_stored_loses_none(database: Database) {
        let (first, second) = (*key().expose(), *key().expose());
        let hook = build(builder(keyring(Fernet::new(first.into()))));
        let producer = database
            .client()
            .plugin(jobcrypt::river::EncryptPlugin::new(hook.clone()))
            .build()
            .expect("it is sound");
        producer.insert(ChargeCard::new("[1]")).await.expect("it is inserted");
        let next = Keyring::new(Secretbox::new(second.into())).and(Fernet::new(first.into()));
        hook.keys().swap(next.build().expect("they are sound"));
        producer.insert(ChargeCard::new("[2]")).await.expect("it is inserted");
        let last = Keyring::new(XChaCha20Poly1305::new(key()))
            .and(Secretbox::new(second.into()))
            .and(Fernet::new(first.into()));
        hook.keys().swap(last.build().expect("they are sound"));
        producer.insert(ChargeCard::new("[3]")).await.expect("it is inserted");
        let stored = database.jobs().await;
        for (job, cipher) in stored.iter().zip(["fernet", "secretbox", "xchacha20poly1305"]) {
            assert!(job.args.contains(&format!("jc1.{cipher}.")), "{job:?}");
        }
        let mut bench = Bench::start(&database, &hook);
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(bench.seen().await.1);
        }
        seen.sort_unstable();
        assert_eq!(seen, ["[1]", "[2]", "[3]"]);
        bench.stop().await;
    }

    async fn decrypt_only_works_old_jobs_and_stores_new_ones_readable(database: Database) {
        let secret = *key().expose();
        let sealing = build(builder(keyring(XChaCha20Poly1305::new(secret.into()))));
        let producer = database
            .client()
            .plugin(jobcrypt::river::EncryptPlugin::new(sealing))
            .build()
            .expect("it is sound");
        let old = producer.insert(ChargeCard::new("[1]")).await.expect("it is inserted");
        let leaving = build(builder(keyring(XChaCha20Poly1305::new(secret.into()))).decrypt_only());
        let mut bench = Bench::start(&database, &leaving);
        assert_eq!(bench.seen().await.1, "[1]");
        let new = bench.client.insert(ChargeCard::new("[2]")).await.expect("it is inserted");
        assert_eq!(bench.seen().await.1, "[2]");
        assert!(database.job(old.id()).await.args.contains("jc1."));
        assert_eq!(database.job(new.id()).await.args, "[2]");
        bench.stop().await;
    }
}
