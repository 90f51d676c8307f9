//! Jobs on their way to the primary: every one arrives, none is lost, whoever else writes meanwhile.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jobcrypt::{
    EncryptHook, Encryptor, JobContext, Keyring, LegacyForm, Policy,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
    river::EncryptPlugin,
    store::{Error, MigrateOptions, Progress, Report, Stop, Store, Table},
};
use tokio::sync::watch;
use workbench::{
    Bench, ChargeCard, Database, RebuildIndex, SendInvoice, build, builder, hook, key, keyring,
    on_both_databases,
};

use crate::{
    counting::{ARGS, primary, rotate, sealed, store},
    sinks::{FullDisk, Lines},
};

async fn migrate(store: &Store, hook: &EncryptHook, options: &MigrateOptions) -> Report {
    let report = store.migrate(hook, options, &mut |_| {}).await;
    report.expect("it migrates")
}

async fn plant(database: &Database, hook: &EncryptHook, count: usize) {
    let client = database
        .client()
        .plugin(EncryptPlugin::new(hook.clone()))
        .build()
        .expect("the client is sound");
    for _ in 0..count {
        let inserted = client.insert(ChargeCard::new(ARGS)).await;
        inserted.expect("it is inserted");
    }
}

/// Whether every job opens, as what was inserted; jobs that were plaintext count as opened.
async fn all_open(database: &Database, hook: &EncryptHook) -> bool {
    database.jobs().await.iter().all(|job| {
        let opened = hook.open_bytes(&JobContext::new(&job.kind), job.args.as_bytes());
        opened.is_ok_and(|it| it.is_none_or(|it| it == ARGS.as_bytes()))
    })
}

on_both_databases! {
    async fn every_job_arrives_and_a_second_run_writes_nothing(database: Database) {
        let lines = Lines::default();
        let hook = build(builder(keyring(Fernet::new(key()))).audit(lines.clone()));
        plant(&database, &hook, 70).await;
        rotate(&hook);
        plant(&database, &hook, 5).await;
        database.plant("rebuild_index", ARGS).await;
        let store = store(&database).await;
        let mut seen = Vec::new();
        let report = store
            .migrate(&hook, &MigrateOptions::new(), &mut |it| seen.push((it.migrated, it.total)))
            .await
            .expect("it migrates");
        assert_eq!((report.migrated, report.left, report.unreadable), (70, 0, 0));
        assert_eq!(seen.last(), Some(&(70, 70)));
        let started = format!("migrate.started {}", primary(&hook));
        let lines = lines.taken();
        assert!(lines.contains(&started), "{started}");
        assert_eq!(lines.last().map(String::as_str), Some("migrate.finished 70 0"));
        assert_eq!(report.status.usage(), BTreeMap::from([(primary(&hook), 75)]));
        assert_eq!(report.status.plaintext(), 1);
        assert!(all_open(&database, &hook).await);
        let before = database.jobs().await;
        let report = migrate(&store, &hook, &MigrateOptions::new()).await;
        assert_eq!((report.migrated, report.scanned > 75), (0, false));
        assert_eq!(database.jobs().await, before);
    }

    async fn a_worker_works_what_was_moved(database: Database) {
        let hook = hook();
        plant(&database, &hook, 3).await;
        rotate(&hook);
        migrate(&store(&database).await, &hook, &MigrateOptions::new()).await;
        let mut bench = Bench::start(&database, &hook);
        for _ in 0..3 {
            assert_eq!(bench.seen().await, ("charge_card".to_owned(), ARGS.to_owned()));
        }
        bench.stop().await;
    }

    async fn a_running_job_is_left_alone_and_met_again_later(database: Database) {
        let hook = hook();
        plant(&database, &hook, 3).await;
        database.run("update river_job set state = 'running' where id = 2").await;
        let old = rotate(&hook);
        let store = store(&database).await;
        let report = migrate(&store, &hook, &MigrateOptions::new()).await;
        assert_eq!((report.migrated, report.left), (2, 1));
        assert_eq!(report.status.usage().get(&old), Some(&1));
        database.run("update river_job set state = 'available' where id = 2").await;
        let report = migrate(&store, &hook, &MigrateOptions::new()).await;
        assert_eq!((report.migrated, report.left), (1, 0));
    }

    async fn what_cannot_be_opened_is_reported_and_stops_nothing(database: Database) {
        let hook = hook();
        plant(&database, &hook, 2).await;
        let stranger = database.plant("charge_card", &sealed(&self::hook(), "charge_card")).await;
        let moved_here = database.plant("send_invoice", &sealed(&hook, "charge_card")).await;
        let broken = database.plant("charge_card", r#"{"river_encrypt":7}"#).await;
        plant(&database, &hook, 2).await;
        rotate(&hook);
        let before = database.jobs().await;
        let report = migrate(&store(&database).await, &hook, &MigrateOptions::new()).await;
        assert_eq!((report.migrated, report.unreadable, report.left), (4, 3, 2));
        let found: Vec<_> = report
            .unreadable_jobs
            .iter()
            .map(|it| (it.id.clone(), it.class.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (stranger.to_string(), "no_matching_key"),
                (moved_here.to_string(), "authentication_failed"),
                (broken.to_string(), "malformed"),
            ]
        );
        let after = database.jobs().await;
        assert_eq!(before[2..5], after[2..5], "they stay as they are");
    }

    async fn a_dry_run_writes_nothing(database: Database) {
        let hook = hook();
        plant(&database, &hook, 40).await;
        rotate(&hook);
        let before = database.jobs().await;
        let report = migrate(&store(&database).await, &hook, &MigrateOptions::new().dry_run()).await;
        assert_eq!((report.migrated, report.left), (40, 40));
        assert_eq!(database.jobs().await, before);
    }

    async fn a_stopped_migration_goes_on_where_it_was(database: Database) {
        let hook = hook();
        plant(&database, &hook, 20).await;
        rotate(&hook);
        let store = store(&database).await;
        let stop = Stop::default();
        let options = MigrateOptions::new().page(5).stop(stop.clone());
        let report = store
            .migrate(&hook, &options, &mut |it| if it.migrated == 10 { stop.now() })
            .await
            .expect("it stops in good order");
        assert_eq!((report.migrated, report.left, report.is_interrupted), (10, 10, true));
        let report = migrate(&store, &hook, &MigrateOptions::new()).await;
        assert_eq!((report.migrated, report.left), (10, 0));
    }

    async fn a_rate_is_kept(database: Database) {
        let hook = hook();
        plant(&database, &hook, 20).await;
        rotate(&hook);
        let began = Instant::now();
        migrate(&store(&database).await, &hook, &MigrateOptions::new().rate(40.0).page(5)).await;
        assert!(began.elapsed() >= Duration::from_millis(500));
    }

    async fn two_at_once_and_a_concurrent_writer_lose_nothing(database: Database) {
        let hook = hook();
        plant(&database, &hook, 120).await;
        rotate(&hook);
        let (first, second) = (store(&database).await, store(&database).await);
        let options = MigrateOptions::new().page(7);
        // Rewrites rows as they are, under a key of its own: what it wrote last must stand.
        let newest = sealed(&hook, "charge_card");
        let writing = async {
            for id in (1..=120).step_by(5) {
                let args = match &database {
                    Database::Postgres(_) => format!("'{newest}'"),
                    Database::Sqlite(..) => format!("jsonb('{newest}')"),
                };
                database.run(&format!("update river_job set args = {args}, kind = 'charge_card' where id = {id}")).await;
            }
        };
        let (one, two, ()) = tokio::join!(
            migrate(&first, &hook, &options),
            migrate(&second, &hook, &options),
            writing
        );
        let last = migrate(&first, &hook, &options).await;
        assert_eq!(last.left, 0, "{one:?} {two:?}");
        assert!(one.migrated + two.migrated + last.migrated <= 120, "no row is moved twice");
        assert_eq!(last.status.usage(), BTreeMap::from([(primary(&hook), 120)]));
        assert!(all_open(&database, &hook).await);
        let written = database.jobs().await.into_iter().filter(|it| (it.id - 1) % 5 == 0);
        for job in written {
            let stored: serde_json::Value = serde_json::from_str(&job.args).expect("JSON");
            let mine: serde_json::Value = serde_json::from_str(&newest).expect("JSON");
            assert_eq!(stored, mine, "a concurrent write is kept");
        }
    }

    async fn plaintext_and_legacy_jobs_are_sealed_only_as_decided(database: Database) {
        let old = *key().expose();
        let keys = Keyring::new(XChaCha20Poly1305::new(key())).and(Secretbox::new(old.into()));
        let hook = build(
            builder(keys.build().expect("both are sound"))
                .default_policy(Policy::sealed().legacy(LegacyForm::River)),
        );
        let mut body = Vec::new();
        Secretbox::new(old.into()).encrypt(&[], ARGS.as_bytes(), &mut body).expect("it encrypts");
        let legacy = format!(r#"{{"river_encrypt":"{}"}}"#, base64_simd::STANDARD.encode_to_string(body));
        let first = database.plant("charge_card", ARGS).await;
        let second = database.plant("charge_card", &legacy).await;
        let index = database.plant("rebuild_index", ARGS).await;
        let planted = database.plant("charge_card", r#"{"pan":"planted"}"#).await;
        let before = database.jobs().await;
        let store = store(&database).await;
        let report = migrate(&store, &hook, &MigrateOptions::new()).await;
        assert_eq!((report.migrated, report.unreadable), (0, 0));
        assert_eq!(database.jobs().await, before, "nothing is trusted unasked");

        let sink = Lines::default();
        let options = MigrateOptions::new().seal_plaintext(index.to_string(), sink.clone());
        let report = migrate(&store, &hook, &options).await;
        assert_eq!((report.sealed, report.migrated), (2, 2));
        assert_eq!(
            sink.taken(),
            [first, second].map(|id| format!("plaintext.sealed river_job {id} charge_card"))
        );
        assert_eq!(database.job(planted).await, before[3], "it is behind the id");
        assert_eq!(database.job(index).await, before[2], "its kind is readable");
        assert!(all_open(&database, &hook).await || report.status.plaintext() == 2);

        let refusing = MigrateOptions::new()
            .seal_plaintext(planted.to_string(), FullDisk);
        let error = store.migrate(&hook, &refusing, &mut |_| {}).await.expect_err("no audit, no seal");
        assert!(matches!(error, Error::Audit(_)), "{error}");
        assert_eq!(database.job(planted).await, before[3]);
    }

    async fn a_hook_that_is_not_that_of_the_workers_seals_nothing(database: Database) {
        let right = build(builder(hook().keys().clone()).namespace("right"));
        plant(&database, &right, 3).await;
        let plain = database.plant("charge_card", ARGS).await.to_string();
        let before = database.jobs().await;
        let wrong = build(builder(right.keys().clone()).namespace("wrong"));
        let sink = Lines::default();
        let sealing = MigrateOptions::new().seal_plaintext(&plain, sink.clone());
        let error = store(&database).await.migrate(&wrong, &sealing, &mut |_| {}).await;
        let error = error.expect_err("none of its jobs opens");
        assert!(matches!(error, Error::NothingOpens { .. }), "{error}");

        let wrong = build(builder(right.keys().clone()).namespace("right").marker("other"));
        let table = Table::river().marker("other");
        let of_other = Store::connect(&database.url(), [table]).await.expect("it is there");
        for options in [&sealing, &MigrateOptions::new()] {
            let error = of_other.migrate(&wrong, options, &mut |_| {}).await;
            let error = error.expect_err("tokens stand elsewhere");
            assert!(matches!(error, Error::AnotherMarker { .. }), "{error}");
        }
        assert_eq!(database.jobs().await, before);
        assert_eq!(sink.taken(), [""; 0]);

        // Who plants jobs that do not open stops nobody whose own do.
        for _ in 0..30 {
            database.plant("aaa", &sealed(&right, "charge_card")).await;
        }
        let report = migrate(&store(&database).await, &right, &sealing).await;
        assert_eq!(report.sealed, 1);
    }

    async fn a_migration_that_waits_stops_at_once(database: Database) {
        let hook = hook();
        plant(&database, &hook, 3).await;
        rotate(&hook);
        let stop = Stop::default();
        let options = MigrateOptions::new().page(1).rate(0.001).stop(stop.clone());
        let report = store(&database)
            .await
            .migrate(&hook, &options, &mut |_| stop.now())
            .await
            .expect("it stops in good order");
        assert_eq!((report.migrated, report.left), (1, 2));
    }

    async fn a_renamed_kind_opens_again(database: Database) {
        let hook = hook();
        plant(&database, &hook, 3).await;
        database.run("update river_job set kind = 'send_invoice' where id <> 2").await;
        let store = store(&database).await;
        let options = MigrateOptions::new().kind("send_invoice");
        let report = migrate(&store, &hook, &options.clone().kind_was("charge_card")).await;
        assert_eq!((report.migrated, report.unreadable), (2, 0));
        assert!(all_open(&database, &hook).await);
        let again = migrate(&store, &hook, &options.kind_was("charge_card")).await;
        assert_eq!(again.migrated, 0);
        let error = store
            .migrate(&hook, &MigrateOptions::new().kind_was("charge_card"), &mut |_| {})
            .await
            .expect_err("of what kind?");
        assert!(matches!(error, Error::Refused(_)), "{error}");
    }

    async fn there_is_a_way_out_of_encryption(database: Database) {
        let hook = hook();
        plant(&database, &hook, 3).await;
        let store = store(&database).await;
        let report = migrate(&store, &hook, &MigrateOptions::new().to_plaintext()).await;
        assert_eq!((report.migrated, report.left), (3, 0));
        assert_eq!(report.status.plaintext(), 3);
        for job in database.jobs().await {
            let args: serde_json::Value = serde_json::from_str(&job.args).expect("JSON");
            assert_eq!(args["pan"], "4111111111111111");
        }
        let strict = build(builder(hook.keys().clone()).kind("charge_card", Policy::sealed().reject_plaintext()));
        let error = store
            .migrate(&strict, &MigrateOptions::new().to_plaintext(), &mut |_| {})
            .await
            .expect_err("no worker would take them");
        assert!(matches!(error, Error::Hook(_)), "{error}");
    }

    async fn each_kind_moves_to_the_key_that_its_policy_asks_for(database: Database) {
        let keys = Keyring::new(XChaCha20Poly1305::new(key())).and(Fernet::new(key()));
        let keys = keys.build().expect("both are sound");
        let first = build(builder(keys));
        let client = database.client().plugin(EncryptPlugin::new(first.clone())).build().expect("sound");
        client.insert(ChargeCard::new(ARGS)).await.expect("it is inserted");
        client.insert(SendInvoice::new(ARGS)).await.expect("it is inserted");
        client.insert(RebuildIndex::new(ARGS)).await.expect("it is inserted");
        let hook = build(
            builder(first.keys().clone())
                .kind("charge_card", Policy::sealed().seal_ciphers([jobcrypt::CipherName::FERNET])),
        );
        let report = migrate(&store(&database).await, &hook, &MigrateOptions::new()).await;
        assert_eq!((report.migrated, report.left), (1, 0));
        let jobs = database.jobs().await;
        assert!(jobs[0].args.contains("jc1.fernet."), "{:?}", jobs[0]);
        assert!(jobs[1].args.contains("jc1.xchacha20poly1305."), "{:?}", jobs[1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_made_anew() {
    let database = Database::postgres().await;
    let hook = hook();
    plant(&database, &hook, 100).await;
    rotate(&hook);
    let store = store(&database).await;
    let options = MigrateOptions::new().page(5);
    let (moved, mut seen) = watch::channel(0);
    let cutting = async {
        for until in [10, 30, 50, 70] {
            let reached = seen.wait_for(|moved| *moved >= until).await;
            reached.expect("it has not ended yet");
            database
                .run("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
                .await;
        }
    };
    let mut progress = |it: &Progress| {
        moved.send_replace(it.migrated);
    };
    let (report, ()) = tokio::join!(store.migrate(&hook, &options, &mut progress), cutting);
    let report = report.expect("it connects anew");
    assert_eq!((report.migrated, report.left), (100, 0));
    assert!(all_open(&database, &hook).await);
}
