//! "Can I remove this key yet?" and "which jobs are parked?", by the queries that the documentation
//! prints.

use jobcrypt::{
    Keyring,
    ciphers::{Fernet, XChaCha20Poly1305},
    river::EncryptPlugin,
};
use workbench::{
    Bench, ChargeCard, Database, RebuildIndex, SendInvoice, build, builder, hook, key, keyring,
    on_both_databases,
};

const ROTATION: &str = include_str!("../../docs/key-rotation.md");
const FAILURES: &str = include_str!("../../docs/failures.md");

const BY_KEY: usize = 0;
const STILL_SEALED: usize = 1;
const UNDER_THE_ORIGINAL_KEY: usize = 2;

on_both_databases! {
    async fn jobs_are_counted_by_the_key_they_need(database: Database) {
        let old = *key().expose();
        let hook = build(builder(keyring(Fernet::new(old.into()))));
        let old_id = hook.keys().snapshot().primary().key_id().to_string();
        let producer = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("it is sound");
        producer.insert_many((0..5).map(|_| ChargeCard::new("{}"))).await.expect("they are inserted");
        producer.insert(RebuildIndex::new("{}")).await.expect("it is inserted");
        let next = Keyring::new(XChaCha20Poly1305::new(key())).and(Fernet::new(old.into()));
        hook.keys().swap(next.build().expect("they are sound"));
        let new_id = hook.keys().snapshot().primary().key_id().to_string();
        producer.insert_many((0..3).map(|_| ChargeCard::new("{}"))).await.expect("they are inserted");

        let available = database.documented(ROTATION, STILL_SEALED).await;
        assert_eq!(available, [["available", "8"]]);
        let mut by_key = [[&*old_id, "available", "5"], [&*new_id, "available", "3"]];
        by_key.sort_unstable();
        assert_eq!(database.documented(ROTATION, BY_KEY).await, by_key);

        let mut bench = Bench::start(&database, &hook);
        for _ in 0..9 {
            bench.seen().await;
        }
        bench.stop().await;
        assert_eq!(database.documented(ROTATION, STILL_SEALED).await, Vec::<Vec<String>>::new());
        let mut by_key = [[&*old_id, "completed", "5"], [&*new_id, "completed", "3"]];
        by_key.sort_unstable();
        assert_eq!(database.documented(ROTATION, BY_KEY).await, by_key);
    }

    async fn the_original_keys_jobs_are_those_created_before_the_deployment(database: Database) {
        let hook = build(builder(keyring(XChaCha20Poly1305::new(key()))));
        let producer = database.client().plugin(EncryptPlugin::new(hook)).build().expect("it is sound");
        producer.insert_many((0..4).map(|_| ChargeCard::new("{}"))).await.expect("they are inserted");
        // The query takes the last insertion as the moment of the deployment. It has to lie a tick of
        // the clock behind the others.
        loop {
            let last = producer.insert(SendInvoice::new("{}")).await.expect("it is inserted").id();
            if database.documented(ROTATION, UNDER_THE_ORIGINAL_KEY).await == [["available", "4"]] {
                break;
            }
            producer.jobs().delete(last).await.expect("it is deleted");
        }
    }

    async fn parked_jobs_are_found_with_the_reason(database: Database) {
        let id = database.plant("charge_card", r#"{"river_encrypt":"garbage"}"#).await;
        let mut bench = Bench::start(&database, &hook());
        bench.client.insert(ChargeCard::new("{}")).await.expect("it is inserted");
        bench.event_of(id).await;
        bench.stop().await;
        let parked = database.documented(FAILURES, 0).await;
        assert_eq!(parked, [[&*id.to_string(), "charge_card", "malformed"]]);
    }
}
