//! Every way into the queue stores sealed args, and every job comes out as it went in.

use std::time::Duration;

use jobcrypt::{
    Policy,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
    river::EncryptPlugin,
};
use riverqueue::{
    InsertBatch, InsertOpts, IntervalSchedule, JobEventKind, PeriodicJob, PeriodicJobOpts,
    UniqueOpts, jiff::Timestamp,
};

use workbench::{
    Bench, ChargeCard, Database, RebuildIndex, SendInvoice, SyncMailbox, build, builder, hook, key,
    keyring, on_both_databases,
};

const SECRET: &str = r#"{"pan":"4111111111111111","cvc":"123"}"#;

async fn all_sealed(database: &Database, expected: usize) {
    let jobs = database.jobs().await;
    assert_eq!(jobs.len(), expected);
    for job in jobs {
        let token = job.args.strip_prefix(r#"{"river_encrypt""#);
        assert!(token.is_some_and(|token| token.contains("jc1.")), "{job:?}");
        assert!(!job.args.contains("41111111"), "{job:?}");
    }
}

fn producer(database: &Database) -> riverqueue::Client {
    database
        .client()
        .plugin(EncryptPlugin::new(hook()))
        .build()
        .expect("the client is sound")
}

on_both_databases! {
    async fn a_single_insert_is_sealed_and_returns_readable_args(database: Database) {
        let inserted = producer(&database).insert(ChargeCard::new(SECRET)).await.expect("it is inserted");
        assert_eq!(inserted.job.args.json(), SECRET);
        assert_eq!(inserted.job.row.encoded_args.get(), SECRET);
        all_sealed(&database, 1).await;
    }

    async fn inserted_in_numbers_all_are_sealed(database: Database) {
        let inserted = producer(&database)
            .insert_many((0..5).map(|_| ChargeCard::new(SECRET)))
            .await
            .expect("they are inserted");
        assert!(inserted.iter().all(|inserted| inserted.job.args.json() == SECRET));
        all_sealed(&database, 5).await;
    }

    async fn in_a_mixed_batch_each_kind_has_its_policy(database: Database) {
        let mut batch = InsertBatch::new();
        batch.push(ChargeCard::new(SECRET)).push(RebuildIndex::new("{\"index\":\"users\"}")).push(SendInvoice::new("[]"));
        let inserted = producer(&database).insert_batch(batch).await.expect("they are inserted");
        assert_eq!(inserted[0].job.encoded_args.get(), SECRET);
        assert_eq!(inserted[2].job.encoded_args.get(), "[]");
        let jobs = database.jobs().await;
        assert!(jobs[0].args.contains("jc1.") && jobs[2].args.contains("jc1."), "{jobs:?}");
        assert!(jobs[1].args.contains("users"), "{jobs:?}");
    }

    async fn a_transaction_keeps_or_drops_sealed_jobs(database: Database) {
        let client = producer(&database);
        match &database {
            Database::Postgres(pool) => {
                let mut tx = riverqueue::database::begin_postgres(pool).await.expect("it begins");
                let kept = client.insert(ChargeCard::new(SECRET)).tx(&mut tx).await.expect("it is inserted");
                assert_eq!(kept.job.args.json(), SECRET);
                tx.commit().await.expect("it commits");
                let mut tx = riverqueue::database::begin_postgres(pool).await.expect("it begins");
                client.insert(ChargeCard::new(SECRET)).tx(&mut tx).await.expect("it is inserted");
                tx.rollback().await.expect("it rolls back");
            }
            Database::Sqlite(pool, _) => {
                let mut tx = riverqueue::database::begin_sqlite_write(pool).await.expect("it begins");
                let kept = client.insert(ChargeCard::new(SECRET)).tx(&mut tx).await.expect("it is inserted");
                assert_eq!(kept.job.args.json(), SECRET);
                tx.commit().await.expect("it commits");
                let mut tx = riverqueue::database::begin_sqlite_write(pool).await.expect("it begins");
                client.insert(ChargeCard::new(SECRET)).tx(&mut tx).await.expect("it is inserted");
                tx.rollback().await.expect("it rolls back");
            }
        }
        all_sealed(&database, 1).await;
    }

    async fn a_scheduled_job_rests_sealed(database: Database) {
        let later = Timestamp::now() + Duration::from_hours(1);
        producer(&database)
            .insert(ChargeCard::new(SECRET))
            .opts(InsertOpts::default().with_scheduled_at(later))
            .await
            .expect("it is inserted");
        all_sealed(&database, 1).await;
        assert_eq!(database.jobs().await[0].state, "scheduled");
    }

    async fn a_unique_job_is_found_although_no_two_tokens_are_alike(database: Database) {
        let client = producer(&database);
        let opts = || InsertOpts::default().with_unique(UniqueOpts::new().with_by_args(true));
        let first = client.insert(ChargeCard::new(SECRET)).opts(opts()).await.expect("it is inserted");
        let again = client.insert(ChargeCard::new(SECRET)).opts(opts()).await.expect("it is found");
        assert!(again.unique_skipped_as_duplicate);
        assert_eq!(again.id(), first.id());
        assert_eq!(again.job.args.json(), SECRET);
        let other = client.insert(ChargeCard::new("{}")).opts(opts()).await.expect("it is inserted");
        assert!(!other.unique_skipped_as_duplicate);
        all_sealed(&database, 2).await;
    }

    async fn a_unique_conflict_with_plaintext_returns_the_row_where_plaintext_is_rejected(database: Database) {
        let opts = || InsertOpts::default().with_unique(UniqueOpts::new().with_by_args(true));
        let plain = database.client().build().expect("it is sound");
        plain.insert(ChargeCard::new(SECRET)).opts(opts()).await.expect("it is inserted");
        let strict = builder(keyring(XChaCha20Poly1305::new(key()))).kind("charge_card", Policy::sealed().reject_plaintext());
        let hook = build(strict);
        let client = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("it is sound");
        let again = client.insert(ChargeCard::new(SECRET)).opts(opts()).await.expect("it is found");
        assert!(again.unique_skipped_as_duplicate);
        assert_eq!(hook.plaintext_accepted(), 0, "handing a row back is not working it");
    }

    async fn a_periodic_job_is_sealed_and_worked(database: Database) {
        let hook = hook();
        let mut bench = Bench::start_with(&database, |client| {
            let schedule = IntervalSchedule::new(Duration::from_hours(1)).expect("an hour is an interval");
            client.plugin(EncryptPlugin::new(hook)).periodic_job(PeriodicJob::with_options(
                schedule,
                || ChargeCard::new(SECRET),
                PeriodicJobOpts::new().with_id("charge").with_run_on_start(true),
            ))
        });
        assert_eq!(bench.seen().await, ("charge_card".to_owned(), SECRET.to_owned()));
        bench.stop().await;
        all_sealed(&database, 1).await;
    }

    async fn the_worker_sees_exactly_the_bytes_that_were_inserted(database: Database) {
        let long = format!("\"{}\"", "a".repeat(1 << 20));
        let args = [
            "{}",
            "null",
            "[1,2 , 3]",
            r#"{"n":123456789012345678901234567890,"f":1.0,"e":1E400,"z":-0}"#,
            r#"{"a":1,"a":2,"b":{"y":1,"x":2}}"#,
            r#"{"name":"Ünïcödé \u00e9 😀 \ud83d\ude00 مرحبا","nul":"\u0000","html":"<b>&</b>"}"#,
            r#"{"river_encrypt":"an app's own field","x":1}"#,
            &long,
        ];
        for hook in [
            build(builder(keyring(XChaCha20Poly1305::new(key())))),
            build(builder(keyring(Secretbox::new(key())))),
            build(builder(keyring(Fernet::new(key())))),
        ] {
            let mut bench = Bench::start(&database, &hook);
            for args in args {
                let inserted = bench.client.insert(ChargeCard::new(args)).await.expect("it is inserted");
                // River escapes <, > and & in strings when it encodes args, before any plugin.
                let args = inserted.job.row.encoded_args.get().to_owned();
                assert_eq!(bench.seen().await.1, args);
                assert_eq!(bench.event_of(inserted.id()).await.kind, JobEventKind::Completed);
                assert!(database.job(inserted.id()).await.args.contains("jc1."));
            }
            bench.stop().await;
        }
    }

    async fn typed_args_and_readable_kinds_are_worked(database: Database) {
        let mut bench = Bench::start(&database, &hook());
        let mailbox = SyncMailbox { address: "ada@example.com".to_owned(), password: "hunter2".to_owned(), port: 993 };
        let inserted = bench.client.insert(mailbox).await.expect("it is inserted");
        assert_eq!(inserted.job.args.port, 993);
        assert_eq!(bench.seen().await, ("sync_mailbox".to_owned(), "hunter2".to_owned()));
        let index = r#"{"index":"users"}"#;
        bench.client.insert(RebuildIndex::new(index)).await.expect("it is inserted");
        assert_eq!(bench.seen().await.0, "rebuild_index");
        bench.stop().await;
        let jobs = database.jobs().await;
        assert!(jobs[0].args.contains("jc1.") && !jobs[0].args.contains("hunter2"), "{jobs:?}");
        assert!(jobs[1].args.contains("users"), "{jobs:?}");
    }
}
