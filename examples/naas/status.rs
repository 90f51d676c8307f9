//! What a caller is told of a job.

use jobcrypt::river::JobNote;
use riverqueue::{JobRow, JobState};
use serde_json::{Value, json};

use crate::{api::Refusal, credentials::Vault};

pub(crate) fn of(job: &JobRow, vault: &Vault) -> Result<Value, Refusal> {
    let status = match job.state {
        JobState::Completed => "finished",
        JobState::Discarded => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Running => "started",
        _ => "queued",
    };
    // Its credentials could not be opened: no worker saw it, and it is parked or waits for a key.
    match JobNote::of(&job.metadata) {
        Some(JobNote::Parked { cause, .. }) => {
            let reason = reason(&cause.class);
            return Ok(json!({
                "status": "failed",
                "error": reason,
                "class": cause.class,
                "key_id": cause.key_id,
            }));
        }
        Some(JobNote::Waiting { cause, .. }) => {
            return Ok(
                json!({"status": "queued", "waits_for": cause.class, "key_id": cause.key_id}),
            );
        }
        _ => {}
    }
    let output = job.output().map(|it| vault.open_output(it)).transpose();
    Ok(json!({
        "status": status,
        "output": output.map_err(|_| Refusal::FAILED)?,
        "error": job.errors.last().map(|it| &it.error),
    }))
}

fn reason(class: &str) -> &'static str {
    match class {
        "no_matching_key" => {
            "the credentials were sealed under a key that the worker does not have; give API and worker the same NAAS_ENCRYPTION_KEY"
        }
        "bound_field_changed" | "field_changed" => {
            "the job was changed after its credentials were sealed"
        }
        _ => "the credentials could not be opened",
    }
}
