//! What `jobcrypt jobs` finds in apalis' own tables, by the settings that `docs/stored-jobs.md` names.

use std::collections::BTreeMap;

use apalis_core::{backend::TaskSink, task::builder::TaskBuilder};
use jobcrypt_core::{AuditEvent, AuditSink, Purpose, SecretKey, UniqueKeys};
use jobcrypt_store::{Form, Leak, MigrateOptions, Reveal, Store, Table};
use jobcrypt_testkit::Worker;

use crate::{
    bench::{Bench, Engine, hook, new_key, raw},
    sqlite::Sqlite,
};

fn table(name: &str) -> Table {
    Table::new(name)
        .kind("job_type")
        .args("job", Form::Bytes)
        .state("status")
        .running_state("Running")
        .created("run_at")
        .further("last_result", Form::Text)
}

async fn counts_and_moves<E: Engine>(mut bench: Bench<E>, url: &str, name: &str) {
    const KIND: &str = "charge_card";
    let hook = bench.hook.clone();
    for args in ["1", "2"] {
        bench.push(KIND, args).await.expect("it is stored");
    }
    bench.work_one(Worker::Returns(r#""canary""#)).await;
    let old = hook.keys().snapshot().primary().key_id();
    let store = Store::connect(url, [table(name)])
        .await
        .expect("the table is as described");
    let status = store.status().await.expect("it counts");
    assert_eq!(
        status.usage(),
        BTreeMap::from([(old, 3)]),
        "two args, one result"
    );

    hook.keys().rotate(new_key()).expect("a new key fits");
    let report = store
        .migrate(&hook, &MigrateOptions::new(), &mut |_| {})
        .await;
    assert_eq!(report.expect("it moves them").migrated, 2);
    let (_, seen) = bench.work_one(Worker::Succeeds).await;
    assert!(seen.is_some(), "a job that was moved is worked");

    let id = bench.push(KIND, "3").await.expect("it is stored");
    bench.work_one(Worker::Fails).await;
    let revealed = store.reveal(&hook, &Reveal::job(id), &Nowhere).await;
    let tokens = revealed.expect("it opens").tokens;
    let error = tokens.iter().find(|it| it.purpose == Purpose::ERROR);
    let error = error.expect("the handler's words are sealed");
    assert_eq!(&**error.json, "\"declined\"");
}

/// By `--unique-key-column`.
#[tokio::test]
async fn an_idempotency_key_with_args_in_it_is_found_and_one_that_is_hashed_is_not() {
    const KIND: &str = "charge_card";
    let mut bench = Bench::<Sqlite>::new(hook(new_key())).await;
    let keys = UniqueKeys::new(SecretKey::generate().expect("the system has random bytes"));
    let mut hashing = bench.backend(KIND).clone().unique_by(keys);
    let task = |pan: &str, key: &str| {
        let task = TaskBuilder::new(raw(&format!(r#"{{"pan":"{pan}"}}"#)));
        task.idempotency_key(key).build()
    };
    let pushed = hashing.push_task(task("41111111", "41111111")).await;
    pushed.expect("it is stored");
    for (pan, key) in [("42222222", "invoice-7"), ("43333333", "card-43333333")] {
        let pushed = bench.backend(KIND).push_task(task(pan, key)).await;
        pushed.expect("it is stored");
    }
    let table = table("Jobs").unique_key("idempotency_key");
    let store = Store::connect(&bench.engine.url, [table]).await;
    let findings = store
        .expect("the table is as described")
        .doctor(&bench.hook)
        .await;
    let findings = findings.expect("it reads");
    let found: Vec<_> = findings.iter().map(|it| (it.leak, it.jobs)).collect();
    assert_eq!(found, [(Leak::ReadableUniqueKey, 1)]);
}

struct Nowhere;

impl AuditSink for Nowhere {
    fn record(&self, _: &AuditEvent<'_>) {}
}

#[tokio::test]
async fn on_sqlite_its_keys_are_counted_and_its_jobs_move_to_a_new_one() {
    let bench = Bench::<Sqlite>::new(hook(new_key())).await;
    let url = bench.engine.url.clone();
    counts_and_moves(bench, &url, "Jobs").await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn on_postgresql_its_keys_are_counted_and_its_jobs_move_to_a_new_one() {
    let bench = Bench::<crate::postgres::Postgres>::new(hook(new_key())).await;
    let url = bench.engine.url.clone();
    counts_and_moves(bench, &url, "apalis.jobs").await;
}
