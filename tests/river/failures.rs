//! Each row of the table of failures in `docs/failures.md`: what becomes of the job, of its
//! attempts, its state and its row. And one bad job never stops the worker.

use std::time::Duration;

use jobcrypt::{
    CipherName, EncryptHook, Encryptor, Envelope, Error, JobContext, Key, KeyId, Keyring,
    LegacyForm, Policy, SecretKey,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
    river::EncryptPlugin,
};
use jobcrypt_testkit::FaultyEncryptor;
use riverqueue::{InsertBatch, InsertOpts, JobEventKind};
use serde_json::{Value, json};

use workbench::{
    Bench, ChargeCard, Database, RebuildIndex, SendInvoice, StoredJob, build, builder, hook, key,
    keyring, on_both_databases,
};

const ARGS: &str = r#"{"pan":"4111111111111111"}"#;

fn sealed(hook: &EncryptHook, kind: &str) -> String {
    let sealed = hook
        .seal_bytes(&JobContext::new(kind), ARGS.as_bytes())
        .expect("it seals")
        .expect("the kind is sealed");
    String::from_utf8(sealed).expect("an envelope is JSON")
}

/// Works a stored row that must be parked, beside good jobs; checks all that parking promises.
pub(crate) async fn is_parked(
    database: &Database,
    hook: &EncryptHook,
    kind: &str,
    args: &str,
    class: &str,
) -> StoredJob {
    let id = database.plant(kind, args).await;
    let before = database.job(id).await;
    let mut bench = Bench::start(database, hook);
    let event = bench.event_of(id).await;
    assert_eq!(event.kind, JobEventKind::Snoozed, "{class}");
    still_works(&mut bench).await;
    let after = database.job(id).await;
    assert_eq!(
        after.args, before.args,
        "{class}: the row is kept as it was"
    );
    assert_eq!(
        (after.state.as_str(), after.attempt),
        ("scheduled", 0),
        "{class}: no attempt is used"
    );
    assert!(after.years_ahead >= 99, "{class}: {after:?}");
    assert_eq!(
        after.metadata["jobcrypt"]["parked"]["class"],
        json!(class),
        "{after:?}"
    );
    assert!(
        after.errors.is_empty() || after.errors == "[]",
        "{class}: {after:?}"
    );
    bench.stop().await;
    after
}

async fn still_works(bench: &mut Bench) {
    let good = r#"{"good":true}"#;
    let inserted = bench
        .client
        .insert(SendInvoice::new(good))
        .await
        .expect("it is inserted");
    assert_eq!(
        bench.seen().await,
        ("send_invoice".to_owned(), good.to_owned())
    );
    assert_eq!(
        bench.event_of(inserted.id()).await.kind,
        JobEventKind::Completed
    );
    assert!(!bench.has_seen_more(), "the bad job was worked");
}

/// Encrypts, and panics where it should decrypt.
struct Panicking(XChaCha20Poly1305);

impl Encryptor for Panicking {
    fn cipher(&self) -> CipherName {
        self.0.cipher()
    }

    fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    fn encrypt(&self, _: &[u8], plaintext: &[u8], body: &mut Vec<u8>) -> Result<(), Error> {
        self.0.encrypt(&[], plaintext, body)
    }

    fn decrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
        panic!("canary-4711 in the driver")
    }
}

fn waiting(job: &StoredJob) -> &Value {
    &job.metadata["jobcrypt"]["waiting"]
}

on_both_databases! {
    async fn accepted_plaintext_is_worked_and_counted(database: Database) {
        let hook = hook();
        let id = database.plant("charge_card", ARGS).await;
        let mut bench = Bench::start(&database, &hook);
        let (_, seen) = bench.seen().await;
        assert_eq!(serde_json::from_str::<Value>(&seen).expect("it is JSON"), json!({"pan": "4111111111111111"}));
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Completed);
        assert_eq!(hook.plaintext_accepted(), 1);
        bench.stop().await;
    }

    async fn rejected_plaintext_is_parked(database: Database) {
        let strict = build(builder(keyring(XChaCha20Poly1305::new(key()))).kind("charge_card", Policy::sealed().reject_plaintext()));
        is_parked(&database, &strict, "charge_card", ARGS, "plaintext_rejected").await;
    }

    async fn altered_and_foreign_tokens_are_parked(database: Database) {
        for hook in [
            build(builder(keyring(XChaCha20Poly1305::new(key())))),
            build(builder(keyring(Secretbox::new(key())))),
            build(builder(keyring(Fernet::new(key())))),
        ] {
            let id = hook.keys().snapshot().primary().key_id().to_string();
            let good = sealed(&hook, "charge_card");
            // The character in the middle of the body.
            let middle = good.len() - 20;
            let other = if good.as_bytes()[middle] == b'A' { "B" } else { "A" };
            let mut altered = good.clone();
            altered.replace_range(middle..=middle, other);
            let staging = EncryptHook::builder(hook.keys().clone()).namespace("staging");
            let foreign = [
                altered,
                sealed(&hook, "send_invoice"),
                sealed(&build(staging), "charge_card"),
            ];
            for args in foreign {
                let job = is_parked(&database, &hook, "charge_card", &args, "authentication_failed").await;
                assert_eq!(job.metadata["jobcrypt"]["parked"]["key_id"], json!(id));
            }
        }
    }

    async fn malformed_and_unknown_versions_are_parked(database: Database) {
        let hook = hook();
        let good = sealed(&hook, "charge_card");
        for (args, class) in [
            (r#"{"river_encrypt":"garbage"}"#.to_owned(), "malformed"),
            (r#"{"river_encrypt":null}"#.to_owned(), "malformed"),
            (r#"{"river_encrypt":{"a":1}}"#.to_owned(), "malformed"),
            (good.replacen('}', r#","pan":1}"#, 1), "malformed"),
            (good.replacen("jc1.", "jc7.", 1), "unsupported_version"),
            (good.replacen("poly1305.", "poly1305+zip.", 1), "unsupported_version"),
        ] {
            is_parked(&database, &hook, "charge_card", &args, class).await;
        }
    }

    async fn a_cipher_that_the_policy_forbids_is_parked(database: Database) {
        let keyring = Keyring::new(XChaCha20Poly1305::new(key())).and(Fernet::new(key())).build().expect("they are sound");
        let free = build(builder(keyring));
        let strict = EncryptHook::builder(free.keys().clone())
            .namespace("test")
            .kind("charge_card", Policy::sealed().ciphers([CipherName::FERNET]));
        is_parked(&database, &build(strict), "charge_card", &sealed(&free, "charge_card"), "cipher_not_allowed").await;
    }

    async fn a_job_under_a_key_that_is_bound_elsewhere_is_parked(database: Database) {
        let bytes = *key().expose();
        let free = build(builder(keyring(XChaCha20Poly1305::new(bytes.into()))));
        let bound = Key::new(XChaCha20Poly1305::new(bytes.into())).with_kinds(["refund"]);
        let bound = Keyring::new(XChaCha20Poly1305::new(key())).and(bound).build().expect("they are sound");
        is_parked(&database, &build(builder(bound)), "charge_card", &sealed(&free, "charge_card"), "key_not_allowed").await;
    }

    async fn a_job_under_a_retired_key_is_parked_at_once(database: Database) {
        let old = hook();
        let id = old.keys().snapshot().primary().key_id();
        let retired = Keyring::new(XChaCha20Poly1305::new(key())).retired(id).build().expect("it is sound");
        let job = is_parked(&database, &build(builder(retired)), "charge_card", &sealed(&old, "charge_card"), "key_retired").await;
        assert_eq!(job.metadata["jobcrypt"]["parked"]["key_id"], json!(id.to_string()));
    }

    async fn a_job_under_an_unknown_key_waits_without_using_an_attempt(database: Database) {
        let stranger = hook();
        let id = database.plant("charge_card", &sealed(&stranger, "charge_card")).await;
        let before = database.job(id).await;
        let mut bench = Bench::start(&database, &hook());
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Snoozed);
        still_works(&mut bench).await;
        let after = database.job(id).await;
        assert_eq!((after.state.as_str(), after.attempt, after.years_ahead), ("scheduled", 0, 0));
        assert_eq!(after.args, before.args);
        assert_eq!(waiting(&after)["class"], json!("no_matching_key"));
        assert_eq!(waiting(&after)["times"], json!(1));
        assert_eq!(waiting(&after)["key_id"], json!(stranger.keys().snapshot().primary().key_id().to_string()));
        // It counts its waits, however it comes back.
        bench.client.jobs().retry(id).await.expect("it is put back");
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Snoozed);
        let again = database.job(id).await;
        assert_eq!((again.attempt, &waiting(&again)["times"]), (0, &json!(2)));
        assert_eq!(waiting(&again)["since"], waiting(&after)["since"]);
        bench.stop().await;
    }

    async fn a_job_that_waited_too_long_for_its_key_is_parked(database: Database) {
        let id = database.plant("charge_card", &sealed(&hook(), "charge_card")).await;
        let plugin = EncryptPlugin::new(hook()).park_after(Duration::ZERO);
        let mut bench = Bench::start_with(&database, |client| client.plugin(plugin));
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Snoozed);
        let job = database.job(id).await;
        assert_eq!(job.metadata["jobcrypt"]["parked"]["class"], json!("no_matching_key"));
        assert!(job.years_ahead >= 99, "{job:?}");
        bench.stop().await;
    }

    async fn a_parked_job_is_put_back_by_rivers_own_retry_once_the_cause_is_mended(database: Database) {
        let stranger = *key().expose();
        let (mine, theirs) = (hook(), build(builder(keyring(XChaCha20Poly1305::new(stranger.into())))));
        let id = database.plant("charge_card", &sealed(&theirs, "charge_card")).await;
        let plugin = EncryptPlugin::new(mine.clone()).park_after(Duration::ZERO);
        let mut bench = Bench::start_with(&database, |client| client.plugin(plugin));
        bench.event_of(id).await;
        let next = Keyring::new(XChaCha20Poly1305::new(key())).and(XChaCha20Poly1305::new(stranger.into()));
        mine.keys().swap(next.build().expect("they are sound"));
        bench.client.jobs().retry(id).await.expect("it is put back");
        assert_eq!(bench.seen().await, ("charge_card".to_owned(), ARGS.to_owned()));
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Completed);
        let job = database.job(id).await;
        assert_eq!((job.state.as_str(), job.attempt), ("completed", 1));
        assert_eq!(job.metadata["jobcrypt"], Value::Null, "the note is taken back");
        bench.stop().await;
    }

    async fn a_refused_job_is_cancelled_where_the_app_asks_for_it(database: Database) {
        let id = database.plant("charge_card", r#"{"river_encrypt":"garbage"}"#).await;
        let plugin = EncryptPlugin::new(hook()).cancel_refused();
        let mut bench = Bench::start_with(&database, |client| client.plugin(plugin));
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Cancelled);
        let job = database.job(id).await;
        assert_eq!(job.state, "cancelled");
        assert!(job.errors.contains("malformed") && !job.errors.contains("garbage"), "{job:?}");
        bench.stop().await;
    }

    async fn of_a_batch_with_one_job_that_cannot_be_sealed_nothing_is_inserted(database: Database) {
        let faulty = build(builder(keyring(FaultyEncryptor::after(2, XChaCha20Poly1305::new(key())))));
        let client = database.client().plugin(EncryptPlugin::new(faulty)).build().expect("it is sound");
        let error = client.insert_many((0..5).map(|_| ChargeCard::new(ARGS))).await.expect_err("the third fails");
        assert!(!format!("{error} {error:?}").contains("41111111"), "{error:?}");
        assert_eq!(database.jobs().await, []);
        let mut batch = InsertBatch::new();
        batch.push(RebuildIndex::new("{}")).push(ChargeCard::new(ARGS));
        client.insert_batch(batch).await.expect_err("the second fails");
        assert_eq!(database.jobs().await, []);
    }

    async fn readable_args_that_hold_the_marker_are_not_inserted(database: Database) {
        let client = database.client().plugin(EncryptPlugin::new(hook())).build().expect("it is sound");
        client.insert(RebuildIndex::new(r#"{"a":{"river_encrypt":"x"}}"#)).await.expect_err("a worker could not tell");
        assert_eq!(database.jobs().await, []);
    }

    async fn bad_jobs_between_good_ones_hold_nobody_up(database: Database) {
        let hook = hook();
        let mut bad = Vec::new();
        for n in 0..20 {
            let args = [r#"{"river_encrypt":"garbage"}"#, &sealed(&self::hook(), "charge_card"), r#"{"river_encrypt":[]}"#][n % 3].to_owned();
            bad.push((database.plant("charge_card", &args).await, args));
        }
        let mut bench = Bench::start(&database, &hook);
        let opts = || InsertOpts::default();
        for n in 0..50 {
            bench.client.insert(SendInvoice::new(&n.to_string())).opts(opts()).await.expect("it is inserted");
        }
        let mut seen: Vec<u32> = Vec::new();
        for _ in 0..50 {
            seen.push(bench.seen().await.1.parse().expect("the args are a number"));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
        for (id, _) in &bad {
            let job = database.job(*id).await;
            assert_ne!(job.state, "completed");
            assert!(job.args.contains("river_encrypt"), "{job:?}");
        }
        bench.stop().await;
    }

    async fn an_envelope_under_another_marker_is_parked(database: Database) {
        let hook = hook();
        let other = EncryptHook::builder(hook.keys().clone()).namespace("test").marker("sealed");
        is_parked(&database, &hook, "charge_card", &sealed(&build(other), "charge_card"), "malformed").await;
    }

    async fn a_panic_while_a_job_is_opened_uses_no_attempt_and_is_not_stored(database: Database) {
        let hook = build(builder(keyring(Panicking(XChaCha20Poly1305::new(key())))));
        let id = database.plant("charge_card", &sealed(&hook, "charge_card")).await;
        let mut bench = Bench::start(&database, &hook);
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Snoozed);
        let job = database.job(id).await;
        assert_eq!((job.state.as_str(), job.attempt, job.years_ahead), ("scheduled", 0, 0));
        assert_eq!(waiting(&job)["class"], json!("invalid_configuration"));
        assert!(!format!("{job:?}").contains("canary"), "{job:?}");
        bench.stop().await;
    }

    async fn what_an_app_keeps_under_our_metadata_key_stays(database: Database) {
        let hook = hook();
        let client = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("it is sound");
        let metadata = json!({"jobcrypt": "the app's own"}).as_object().cloned().expect("it is an object");
        let opts = InsertOpts::default().with_metadata(metadata);
        let id = client.insert(ChargeCard::new(ARGS)).opts(opts).await.expect("it is inserted").id();
        let mut bench = Bench::start(&database, &hook);
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Completed);
        assert_eq!(database.job(id).await.metadata["jobcrypt"], json!("the app's own"));
        bench.stop().await;
    }

    async fn legacy_jobs_are_worked_where_their_kind_names_the_form(database: Database) {
        let secret = *key().expose();
        let mut body = Vec::new();
        Secretbox::new(SecretKey::from(secret)).encrypt(&[], ARGS.as_bytes(), &mut body).expect("it encrypts");
        let base64 = base64_simd::STANDARD.encode_to_string(&body);
        let keys = || Keyring::new(Secretbox::new(SecretKey::from(secret))).build().expect("it is sound");
        let hook = build(builder(keys()).kind("charge_card", Policy::sealed().legacy(LegacyForm::River)));
        let river = format!("{{\"river_encrypt\":\"{base64}\"}}");
        let id = database.plant("charge_card", &river).await;
        let mut bench = Bench::start(&database, &hook);
        assert_eq!(bench.seen().await.1, ARGS);
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Completed);
        bench.stop().await;
        assert!(Envelope::parse(&base64).is_err());
        // Not named for this kind, it is an error like any other.
        is_parked(&database, &hook, "send_invoice", &river, "malformed").await;
    }
}
