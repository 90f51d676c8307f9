//! What `status` counts, against what is known to be there and against a full decrypt.

use std::collections::BTreeMap;

use jobcrypt::{
    EncryptHook, Envelope, JobContext, KeyId, LegacyForm, Policy,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
    store::{Found, Place, SafeToRemove, Selection, Store, Table},
};
use serde_json::json;
use workbench::{
    Bench, ChargeCard, Database, RebuildIndex, SendInvoice, build, builder, hook, key, keyring,
    on_both_databases,
};

pub(crate) const ARGS: &str = r#"{"pan":"4111111111111111"}"#;

pub(crate) async fn store(database: &Database) -> Store {
    Store::connect(
        &database.url(),
        [Table::river(), Table::river_dead_letter()],
    )
    .await
    .expect("River's table is there")
}

pub(crate) fn sealed(hook: &EncryptHook, kind: &str) -> String {
    let sealed = hook
        .seal_bytes(&JobContext::new(kind), ARGS.as_bytes())
        .expect("it seals")
        .expect("the kind is sealed");
    String::from_utf8(sealed).expect("an envelope is JSON")
}

pub(crate) fn primary(hook: &EncryptHook) -> KeyId {
    hook.keys().snapshot().primary().key_id()
}

/// Makes a new key the primary, and returns the id of the old one.
pub(crate) fn rotate(hook: &EncryptHook) -> KeyId {
    let old = primary(hook);
    hook.keys()
        .rotate(XChaCha20Poly1305::new(key()))
        .expect("a new key is sound");
    old
}

/// How many jobs are under each key, by opening each.
async fn opened(database: &Database, hook: &EncryptHook) -> BTreeMap<KeyId, u64> {
    let mut keys = BTreeMap::new();
    for job in database.jobs().await {
        let context = JobContext::new(&job.kind);
        let opened = hook.open_bytes(&context, job.args.as_bytes());
        if opened.expect("every job opens").is_some() {
            let stored: serde_json::Value = serde_json::from_str(&job.args).expect("JSON");
            let token = stored["river_encrypt"].as_str().expect("a token is text");
            let id = Envelope::parse(token).expect("it opened").key_id();
            *keys.entry(id).or_default() += 1;
        }
    }
    keys
}

on_both_databases! {
    async fn counts_agree_with_a_full_decrypt(database: Database) {
        let hook = build(builder(keyring(Fernet::new(key()))));
        let client = database
            .client()
            .plugin(jobcrypt::river::EncryptPlugin::new(hook.clone()))
            .build()
            .expect("the client is sound");
        for round in 0..3 {
            for _ in 0..=round {
                client.insert(ChargeCard::new(ARGS)).await.expect("it is inserted");
                client.insert(SendInvoice::new(ARGS)).await.expect("it is inserted");
            }
            client.insert(RebuildIndex::new(ARGS)).await.expect("it is inserted");
            rotate(&hook);
        }
        database.run("update river_job set state = 'retryable' where id % 3 = 0").await;
        let status = store(&database).await.status().await.expect("it counts");
        assert_eq!(status.usage(), opened(&database, &hook).await);
        assert_eq!(status.jobs(), 15);
        assert_eq!(status.plaintext(), 3);
        assert_eq!((status.unattributed(), status.parked()), (0, 0));
        let retryable = status.counts().iter().filter(|it| it.state == "retryable");
        assert_eq!(retryable.map(|it| it.count).sum::<u64>(), 5);
        let ciphers = status.counts().iter().filter_map(|it| match &it.found {
            Found::Token { cipher, .. } => Some(cipher.as_str()),
            _ => None,
        });
        assert!(ciphers.clone().any(|it| it == "fernet") && ciphers.clone().any(|it| it == "xchacha20poly1305"));
        for id in status.usage().keys() {
            assert!(status.oldest(*id).is_some());
        }
    }

    async fn tokens_are_found_wherever_they_rest(database: Database) {
        let hook = hook();
        let id = primary(&hook);
        let value = sealed(&hook, "charge_card");
        let inside = format!(r#"{{"a":[{value},{{"b":{value}}}],"readable":"jc1 is no token"}}"#);
        let job = database.plant("charge_card", &inside).await;
        let beside = format!(r#"{{"note":{value},{}"#, &value[1..]);
        database.plant("charge_card", &beside).await;
        let literal = value.replace('\'', "''");
        database.run(&match &database {
            Database::Postgres(_) => format!(
                "update river_job set metadata = '{{\"output\": {literal}}}',
                 errors = array['{{\"error\": {literal}}}'::jsonb] where id = {job}"),
            Database::Sqlite(..) => format!(
                "update river_job set metadata = jsonb('{{\"output\": {literal}}}'),
                 errors = jsonb('[{{\"error\": {literal}}}]') where id = {job}"),
        }).await;
        let status = store(&database).await.status().await.expect("it counts");
        let places: BTreeMap<_, _> = status
            .counts()
            .iter()
            .map(|it| ((it.place.to_string(), it.found.as_str()), it.count))
            .collect();
        let expected = [
            (("args".to_owned(), "plaintext"), 1),
            (("args".to_owned(), "sealed"), 1),
            (("errors".to_owned(), "sealed"), 1),
            (("metadata".to_owned(), "sealed"), 1),
            (("within args".to_owned(), "sealed"), 3),
        ];
        assert_eq!(places, BTreeMap::from(expected));
        assert_eq!(status.usage(), BTreeMap::from([(id, 6)]));
        assert_eq!(status.safe_to_remove(id, None), SafeToRemove::StillNeeded(6));
    }

    async fn what_names_no_key_keeps_every_key_until_each_was_opened_without_it(database: Database) {
        let old = *key().expose();
        let legacy = |policy: Policy| {
            let keys = keyring(XChaCha20Poly1305::new(key())).with_secondary(Secretbox::new(old.into()));
            build(EncryptHook::builder(keys.build().expect("sound")).default_policy(policy))
        };
        let hook = legacy(Policy::sealed().legacy(LegacyForm::River));
        let mut body = Vec::new();
        jobcrypt::Encryptor::encrypt(&Secretbox::new(old.into()), &[], ARGS.as_bytes(), &mut body).expect("it encrypts");
        let text = base64_simd::STANDARD.encode_to_string(&body);
        let stored = json!({"river_encrypt": text}).to_string();
        database.plant("charge_card", &stored).await;
        database.plant("charge_card", r#"{"river_encrypt":"jc9.x.y.z"}"#).await;
        let store = store(&database).await;
        let status = store.status().await.expect("it counts");
        assert_eq!((status.legacy(), status.unreadable(), status.plaintext()), (1, 1, 0));
        let stranger = KeyId::from_bytes([7; 16]);
        assert_eq!(status.safe_to_remove(stranger, None), SafeToRemove::MayBeNeeded(2));

        let verified = store.verify(&hook, &Selection::all()).await.expect("it reads");
        assert_eq!((verified.opened, verified.unreadable), (1, 1));
        assert_eq!(status.safe_to_remove(stranger, Some(&verified)), SafeToRemove::MayBeNeeded(2));

        database.run("delete from river_job where id = 2").await;
        let status = store.status().await.expect("it counts");
        let verified = store.verify(&hook, &Selection::all()).await.expect("it reads");
        assert_eq!(status.safe_to_remove(stranger, Some(&verified)), SafeToRemove::Yes);
        for key in hook.keys().snapshot().keys() {
            assert_eq!(status.safe_to_remove(key.key_id(), Some(&verified)), SafeToRemove::MayBeNeeded(1));
        }
    }

    async fn parked_and_unknown_jobs_are_counted_apart(database: Database) {
        let (here, elsewhere) = (hook(), hook());
        let parked = database.plant("charge_card", r#"{"river_encrypt":"no token"}"#).await;
        let mut bench = Bench::start(&database, &here);
        bench.event_of(parked).await;
        bench.stop().await;
        database.plant("send_invoice", &sealed(&elsewhere, "send_invoice")).await;
        let status = store(&database).await.status().await.expect("it counts");
        assert_eq!((status.parked(), status.unreadable()), (1, 1));
        let unknown = status.unknown_to(&here.keys().snapshot());
        assert_eq!(unknown, BTreeMap::from([(primary(&elsewhere), 1)]));
        assert_eq!(status.safe_to_remove(primary(&elsewhere), None), SafeToRemove::StillNeeded(1));
    }

    async fn dead_letters_count(database: Database) {
        let hook = hook();
        database.run("create table river_job_dead_letter as select * from river_job").await;
        let letter = sealed(&hook, "charge_card");
        database.plant("charge_card", &letter).await;
        database.run("insert into river_job_dead_letter select * from river_job").await;
        database.run("delete from river_job").await;
        let status = store(&database).await.status().await.expect("it counts");
        assert_eq!(status.usage(), BTreeMap::from([(primary(&hook), 1)]));
        assert_eq!(status.counts()[0].table, "river_job_dead_letter");
        assert_eq!(status.counts()[0].place, Place::Args);
    }

    async fn values_sealed_before_the_whole_was_show_once_it_is_opened(database: Database) {
        let hook = hook();
        let id = primary(&hook);
        let value = sealed(&hook, "charge_card");
        let args = format!(r#"{{"value":{value}}}"#);
        let stored = hook.seal_bytes(&JobContext::new("charge_card"), args.as_bytes());
        let stored = stored.expect("it seals").expect("the kind is sealed");
        database.plant("charge_card", &String::from_utf8(stored).expect("JSON")).await;
        let store = store(&database).await;
        let verified = store.verify(&hook, &Selection::all()).await.expect("it reads");
        assert_eq!(verified.within(), &BTreeMap::from([(id, 1)]));
    }
}
