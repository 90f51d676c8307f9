//! What `jobcrypt jobs` finds in apalis' own tables, by the settings that `docs/stored-jobs.md` names.

use std::collections::BTreeMap;

use jobcrypt_store::{Form, MigrateOptions, Store, Table};
use jobcrypt_testkit::Worker;

use crate::{
    bench::{Bench, Engine, hook, new_key},
    sqlite::Sqlite,
};

fn table(name: &str) -> Table {
    Table::new(name)
        .kind("job_type")
        .args("job", Form::Bytes)
        .state("status")
        .running_state("Running")
        .created("run_at")
        .further("last_result", Form::Json)
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
