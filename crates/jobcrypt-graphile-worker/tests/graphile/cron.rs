//! What graphile_worker's own cron runner stores, by its own SQL.

use std::{
    future,
    sync::{Arc, Mutex},
    time::Duration,
};

use graphile_worker::{
    BeforeJobRun, BeforeJobRunContext, HookResult, JobComplete, WorkerOptions, parse_crontab,
};
use jobcrypt_graphile_worker::EncryptPlugin;
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::bed::{Bed, ChargeCard};

/// Has cron fill in what was due a minute ago. Returns the payload of the first job that ran, as it was
/// stored.
pub(crate) async fn first_job(pool: &PgPool, options: WorkerOptions) -> Value {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&stored);
    let (done, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let tells = Arc::clone(&done);
    let worker = options
        .on(BeforeJobRun, move |context: BeforeJobRunContext| {
            let mut seen = seen.lock().expect("nobody panics with it");
            seen.push(context.payload);
            future::ready(HookResult::Continue)
        })
        .on(JobComplete, move |_| {
            tells.notify_one();
            future::ready(())
        })
        .listen_os_shutdown_signals(false)
        .shutdown_signal({
            let told = Arc::clone(&told);
            async move { told.notified().await }
        })
        .pg_pool(pool.clone())
        .init()
        .await
        .expect("the worker is sound");
    // A crontab fills in only what was due since it is known.
    sqlx::query(
        "insert into graphile_worker._private_known_crontabs (identifier, known_since)
         values ('charge_card', now() - interval '1 hour')",
    )
    .execute(pool)
    .await
    .expect("the table is there");
    let stops = async {
        let waited = tokio::time::timeout(Duration::from_mins(1), done.notified()).await;
        told.notify_one();
        waited.expect("a job of cron is worked");
    };
    let (ran, ()) = tokio::join!(worker.run(), stops);
    ran.expect("the worker lives on");
    let mut stored = stored.lock().expect("nobody panics with it");
    stored.remove(0)
}

pub(crate) const CRONTAB: &str = r#"* * * * * charge_card ?fill=2m {pan:"41111111"}"#;

#[tokio::test]
async fn a_cron_job_is_stored_sealed_and_its_handler_gets_what_a_readable_one_would() {
    let bed = Bed::new().await;
    let plugin = EncryptPlugin::new(bed.hook.clone()).job::<ChargeCard>();
    let crontab = parse_crontab(CRONTAB).expect("it is a crontab").remove(0);
    let crontab = plugin.crontab(crontab).expect("it can be sealed");
    let options = plugin
        .install(WorkerOptions::default())
        .add_extension(bed.seen.clone())
        .with_cron(crontab);
    let stored = first_job(&bed.pool, options).await;
    let token = stored["river_encrypt"].as_str();
    assert!(
        token.is_some_and(|token| token.starts_with("jc1.")),
        "{stored}"
    );
    assert!(stored["_cron"]["ts"].is_string(), "{stored}");
    assert!(!stored.to_string().contains("41111111"), "{stored}");
    let seen = bed.seen.take().remove(0);
    assert_eq!(seen["pan"], "41111111");
    assert_eq!(seen["_cron"], stored["_cron"]);
}
