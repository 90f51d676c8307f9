//! Puts a job off, or aside, in the database it came from.

use chrono::Utc;
use graphile_worker::{DbError, DbExecutor, DbValue, Schema, WorkerContext};
use jobcrypt_core::{AuditEvent, Error};
use tracing::warn;

use crate::{
    failure::Failure,
    opening::Opening,
    verdict::{PARK_AFTER, Verdict},
};

/// Puts off or parks the job. Returns what the handler is to fail with: graphile_worker stores an error
/// only with a job that the worker still holds, and this one it holds no more.
pub(crate) async fn refuse(context: &WorkerContext, error: &Error) -> Failure {
    let job = context.job();
    let opening = Opening::of(context).ok();
    let park_after = opening.map_or(PARK_AFTER, |opening| opening.park_after);
    let verdict = Verdict::on(error, job.last_error().as_deref(), Utc::now(), park_after);
    if let Err(failed) = release(context, &verdict).await {
        // The attempt counts then, and the job is tried again by graphile_worker's own rules.
        warn!(target: "jobcrypt", job = job.id(), error = %failed, "job.not_put_off");
    } else if verdict.is_parked {
        if let Some(opening) = opening {
            opening.hook.audit(&AuditEvent::JobParked {
                kind: job.task_identifier(),
                job: &job.id().to_string(),
                error,
            });
        }
    } else {
        let delay = verdict.delay;
        warn!(target: "jobcrypt", job = job.id(), error = %error, ?delay, "job.waiting");
    }
    Failure(verdict.note)
}

async fn release(context: &WorkerContext, verdict: &Verdict) -> Result<(), DbError> {
    let job = context.job();
    let delay = i64::try_from(verdict.delay.as_secs()).unwrap_or(i64::MAX);
    let params = vec![
        DbValue::I64(*job.id()),
        DbValue::Text(context.worker_id().to_owned()),
        DbValue::Text(verdict.note.clone()),
        DbValue::I64(delay),
        DbValue::I16(*job.attempts()),
        DbValue::TextOpt(job.key().clone()),
    ];
    DbExecutor::execute(
        context.database(),
        &statement(context.schema()),
        params.into(),
    )
    .await?;
    Ok(())
}

/// Gives the attempt back, except to a job whose key was taken over while it was held: graphile_worker
/// has taken that one's key and attempts so that it is never run again.
fn statement(schema: &Schema) -> String {
    let jobs = schema.private_table("jobs");
    let queues = schema.private_table("job_queues");
    format!(
        "with released as (
            update {jobs} as jobs
            set last_error = $3::text,
                run_at = now() + $4::bigint * interval '1 second',
                attempts = case
                    when attempts = $5::smallint and key is not distinct from $6::text
                    then attempts - 1 else attempts end,
                locked_by = null,
                locked_at = null
            where id = $1::bigint and locked_by = $2::text
            returning job_queue_id
        )
        update {queues} as queues
        set locked_by = null, locked_at = null
        from released
        where queues.id = released.job_queue_id and queues.locked_by = $2::text"
    )
}
