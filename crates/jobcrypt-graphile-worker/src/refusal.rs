//! Puts a job off, or aside, in the database it came from.

use std::time::Duration;

use chrono::Utc;
use graphile_worker::{DbError, DbExecutor, DbValue, Schema, WorkerContext};
use jobcrypt_core::{AuditEvent, Error};
use jobcrypt_tower::Verdict;
use tracing::warn;

use crate::{failure::Failure, job_note, opening::Opening};

/// graphile_worker has no state for a job held aside, and deletes what has failed for good where an app
/// asks it to clean up. A job due this far ahead is neither fetched nor deleted.
const PARKED_FOR: Duration = Duration::from_hours(100 * 365 * 24);

/// Puts off or parks the job. Returns what the handler is to fail with: graphile_worker stores an error
/// only with a job that the worker still holds, and this one it holds no more.
pub(crate) async fn refuse(context: &WorkerContext, error: &Error) -> Failure {
    let job = context.job();
    let opening = Opening::of(context).ok();
    let park_after = opening.map_or(Verdict::PARK_AFTER, |opening| opening.park_after);
    let earlier = job.last_error().as_deref().and_then(job_note::read);
    let now = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
    let verdict = Verdict::on(error, earlier.as_ref(), now, park_after);
    let (note, delay) = match &verdict {
        Verdict::Park => (job_note::parked(error), PARKED_FOR),
        Verdict::Wait { waiting, delay } => (job_note::waits(waiting, error), *delay),
    };
    if let Err(failed) = release(context, &note, delay).await {
        // The attempt counts then, and the job is tried again by graphile_worker's own rules.
        warn!(target: "jobcrypt", job = job.id(), error = %failed, "job.not_put_off");
    } else if verdict == Verdict::Park {
        if let Some(opening) = opening {
            opening.hook.audit(&AuditEvent::JobParked {
                kind: job.task_identifier(),
                job: &job.id().to_string(),
                error,
            });
        }
    } else {
        warn!(target: "jobcrypt", job = job.id(), error = %error, ?delay, "job.waiting");
    }
    Failure(note)
}

async fn release(context: &WorkerContext, note: &str, delay: Duration) -> Result<(), DbError> {
    let job = context.job();
    let delay = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
    let params = vec![
        DbValue::I64(*job.id()),
        DbValue::Text(context.worker_id().to_owned()),
        DbValue::Text(note.to_owned()),
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
