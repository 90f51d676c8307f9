//! "Can I remove this key yet?", by River's own query and by the exact ones of
//! `docs/key-rotation.md`.

use jobcrypt::{
    Keyring,
    ciphers::{Fernet, XChaCha20Poly1305},
    river::EncryptPlugin,
};

use workbench::{Bench, ChargeCard, RebuildIndex, build, builder, key, keyring, on_both_databases};

/// From River's manual, its `group by` extended to a text for all states.
const RIVER_POSTGRES: &str = "select state::text, count(*) from river_job
    where args ? 'river_encrypt' and state not in ('cancelled', 'completed', 'discarded')
    group by 1 order by 2 desc";
const RIVER_SQLITE: &str = "select state, count(*) from river_job
    where json_extract(json(args), '$.river_encrypt') is not null
    and state not in ('cancelled', 'completed', 'discarded')
    group by 1 order by 2 desc";
const BY_KEY_POSTGRES: &str = "select split_part(args->>'river_encrypt', '.', 3), count(*)
    from river_job where args ? 'river_encrypt' and state <> 'completed' group by 1 order by 2 desc";
const BY_KEY_SQLITE: &str = "with token as (
        select json_extract(json(args), '$.river_encrypt') as text, state from river_job
    ), behind_cipher as (
        select substr(text, 5 + instr(substr(text, 5), '.')) as text, state from token
        where text like 'jc1.%'
    )
    select substr(text, 1, 22), count(*) from behind_cipher
    where state <> 'completed' group by 1 order by 2 desc";

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

        let river = database.counts(RIVER_POSTGRES, RIVER_SQLITE).await;
        assert_eq!(river, [("available".to_owned(), 8)]);
        let by_key = database.counts(BY_KEY_POSTGRES, BY_KEY_SQLITE).await;
        assert_eq!(by_key, [(old_id, 5), (new_id, 3)]);

        let mut bench = Bench::start(&database, &hook);
        let ids: Vec<i64> = database.jobs().await.iter().map(|job| job.id).collect();
        for _ in &ids {
            bench.seen().await;
        }
        bench.stop().await;
        assert_eq!(database.counts(RIVER_POSTGRES, RIVER_SQLITE).await, []);
        assert_eq!(database.counts(BY_KEY_POSTGRES, BY_KEY_SQLITE).await, []);
    }

    async fn rivers_rotation_query_counts_old_jobs_with_its_comparison_the_right_way_round(database: Database) {
        // River's manual compares `created_at > deployed`, which counts the jobs of the new key.
        const POSTGRES: &str = "with deployed as (select max(created_at) as at from river_job where kind = 'send_invoice')
            select river_job.state::text, count(*) from river_job, deployed
            where created_at < deployed.at and args ? 'river_encrypt'
            and state not in ('cancelled', 'completed', 'discarded') group by 1";
        const SQLITE: &str = "with deployed as (select max(created_at) as at from river_job where kind = 'send_invoice')
            select river_job.state, count(*) from river_job, deployed
            where created_at < deployed.at and json_extract(json(args), '$.river_encrypt') is not null
            and state not in ('cancelled', 'completed', 'discarded') group by 1";
        let hook = build(builder(keyring(XChaCha20Poly1305::new(key()))));
        let producer = database.client().plugin(EncryptPlugin::new(hook)).build().expect("it is sound");
        producer.insert_many((0..4).map(|_| ChargeCard::new("{}"))).await.expect("they are inserted");
        // Stands for the moment of the deployment; at least a tick of the clock behind the others.
        loop {
            let id = producer.insert(workbench::SendInvoice::new("{}")).await.expect("it is inserted").id();
            let counts = database.counts(POSTGRES, SQLITE).await;
            if counts.first().is_some_and(|(_, count)| *count >= 4) {
                break;
            }
            producer.jobs().delete(id).await.expect("it is deleted");
        }
        assert_eq!(database.counts(POSTGRES, SQLITE).await, [("available".to_owned(), 4)]);
    }
}
