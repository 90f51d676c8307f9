use std::convert::Infallible;

use riverqueue::{
    BoxError, InsertBatch, InsertOpts, Job, JobArgs, WorkContext, WorkOutcome, Workers,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{job_file::FileJob, witness::Witness};

/// The one kind that is stored as it is.
pub(crate) const READABLE: &str = RebuildIndex::KIND;

// An app gives each kind a struct with fields. Here the args are kept as text, so that what the
// worker got can be compared byte for byte: no field of Rust holds 1e400 or an order of keys.
macro_rules! kinds {
    ($($args:ident = $kind:literal),+ $(,)?) => {
        $(
            #[derive(Debug, Deserialize, JobArgs, Serialize)]
            #[river(kind = $kind)]
            #[serde(transparent)]
            struct $args {
                json: Box<RawValue>,
            }
        )+

        pub(crate) const ALL: &[&str] = &[$($kind),+];

        /// Adds a job of the file to what River inserts.
        pub(crate) fn push(
            batch: &mut InsertBatch,
            job: &FileJob,
            opts: InsertOpts,
        ) -> Result<(), BoxError> {
            match job.kind.as_str() {
                $($kind => batch.push_with($args { json: job.args.clone() }, opts),)+
                unknown => return Err(format!("no worker for the kind {unknown}").into()),
            };
            Ok(())
        }

        /// Workers for all kinds that do nothing but tell `witness` what they got.
        pub(crate) fn workers(witness: &Witness) -> Result<Workers, riverqueue::Error> {
            let mut workers = Workers::new();
            $(
                let witness_of_kind = witness.clone();
                workers.add_fn(move |_: WorkContext, job: Job<$args>| {
                    witness_of_kind.note(job.row.id, job.args.json);
                    async { Ok::<_, Infallible>(WorkOutcome::Complete) }
                })?;
            )+
            Ok(workers)
        }
    };
}

kinds! {
    ChargeCard = "charge_card",
    DeployDevice = "deploy_device",
    RebuildIndex = "rebuild_index",
    SendInvoice = "send_invoice",
    SyncMailbox = "sync_mailbox",
}
