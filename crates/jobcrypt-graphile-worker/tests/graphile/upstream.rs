//! What graphile_worker does of its own, without jobcrypt: `docs/upstream/graphile_worker.md`.

use graphile_worker::{
    BeforeJobSchedule, IntoTaskHandlerResult, JobScheduleResult, JobSpec, TaskHandler,
    WorkerContext, WorkerContextExt, WorkerOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    bed::{Bed, ChargeCard, database},
    cron,
};

#[derive(Deserialize, Serialize)]
struct Parent {}

impl TaskHandler for Parent {
    const IDENTIFIER: &'static str = "parent";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let added = context.add_raw_job("child", json!({"from": "app"}), JobSpec::default());
        added.await.map(|_| ()).map_err(|error| error.to_string())
    }
}

#[tokio::test]
async fn a_job_added_by_a_handlers_context_passes_no_hook() {
    let url = database().await;
    let pool = PgPool::connect(&url).await.expect("it lets us in");
    let worker = WorkerOptions::default()
        .define_job::<Parent>()
        .on(BeforeJobSchedule, |_| async {
            JobScheduleResult::Continue(json!({"from": "hook"}))
        })
        .listen_os_shutdown_signals(false)
        .pg_pool(pool.clone())
        .init()
        .await
        .expect("the worker is sound");
    let utils = worker.create_utils();
    let added = utils.add_job(Parent {}, JobSpec::default());
    let added = added.await.expect("stored");
    assert_eq!(added.payload(), &json!({"from": "hook"}));
    worker.run_once().await.expect("it runs");
    let stored: String =
        sqlx::query_scalar("select payload::text from graphile_worker._private_jobs")
            .fetch_one(&pool)
            .await
            .expect("the child is stored");
    assert!(stored.contains("app"), "mended upstream: {stored}");
}

#[tokio::test]
async fn a_cron_job_passes_no_hook() {
    let bed = Bed::new().await;
    let options = WorkerOptions::default()
        .define_job::<ChargeCard>()
        .add_extension(bed.seen.clone())
        .on(BeforeJobSchedule, |_| async {
            JobScheduleResult::Continue(json!({"pan": "of the hook"}))
        })
        .with_cron(cron::CRONTAB)
        .expect("it is a crontab");
    let stored = cron::first_job(&bed.pool, options).await;
    assert_eq!(stored["pan"], "41111111", "mended upstream");
}
