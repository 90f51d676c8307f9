//! A client with a worker that does what the args say, and what it reports.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jobcrypt::{
    EncryptHook,
    river::{EncryptPlugin, RecordSealedOutput},
};
use riverqueue::{
    BoxError, Client, Event, EventKind, EventReceiver, IntervalSchedule, Job, JobArgs, PeriodicJob,
    PeriodicJobOpts, QueueConfig, RunHandle, WorkContext, WorkOutcome, Workers,
};
use serde::{Deserialize, Serialize};
use workbench::{ChargeCard, Database, SendInvoice, SyncMailbox};

use crate::{CANARY, stage::Off};

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// A job that is unique by a hash.
#[derive(Deserialize, JobArgs, Serialize)]
#[river(kind = "charge_once", unique(by_args))]
pub(super) struct ChargeOnce {
    #[river(unique)]
    pub(super) once: String,
    pub(super) pan: String,
}

pub(super) struct Site {
    pub(super) client: Client,
    events: EventReceiver,
    seen: Vec<riverqueue::JobEvent>,
    pub(super) run: RunHandle,
}

impl Site {
    pub(super) fn start(database: &Database, hook: &EncryptHook, off: Off) -> Self {
        let mut workers = Workers::new();
        let is_sealing = off != Off::Outputs;
        let has_failed = Arc::new(AtomicBool::new(false));
        workers
            .add_fn(move |context: WorkContext, job: Job<ChargeCard>| {
                let has_failed = Arc::clone(&has_failed);
                async move { work(&context, job.args.json(), is_sealing, &has_failed) }
            })
            .and_then(|workers| {
                workers.add_fn(|_, _: Job<SendInvoice>| async {
                    Ok::<_, BoxError>(WorkOutcome::Complete)
                })
            })
            .and_then(|workers| {
                workers.add_fn(|_, _: Job<ChargeOnce>| async {
                    Ok::<_, BoxError>(WorkOutcome::Complete)
                })
            })
            .and_then(|workers| {
                workers.add_fn(|_, _: Job<SyncMailbox>| async {
                    Ok::<_, BoxError>(WorkOutcome::Complete)
                })
            })
            .expect("each kind is added once");
        let queue = QueueConfig::new(8)
            .with_fetch_cooldown(Duration::from_millis(10))
            .with_fetch_poll_interval(Duration::from_millis(50));
        let plugin = EncryptPlugin::new(hook.clone());
        let plugin = match off {
            Off::Errors => plugin.readable_errors(),
            _ => plugin,
        };
        let mailbox = || SyncMailbox {
            address: "a".to_owned(),
            password: CANARY.to_owned(),
            port: 1,
        };
        let periodic = PeriodicJob::with_options(
            IntervalSchedule::new(Duration::from_hours(1)).expect("an hour is positive"),
            mailbox,
            PeriodicJobOpts::new().with_run_on_start(true),
        );
        let client = database
            .client()
            .plugin(plugin)
            .periodic_job(periodic)
            .workers(workers)
            .queue("default", queue)
            .build()
            .expect("the client is sound");
        let kinds = [
            EventKind::JobCancelled,
            EventKind::JobCompleted,
            EventKind::JobFailed,
            EventKind::JobSnoozed,
        ];
        let events = client
            .subscribe(&kinds)
            .expect("events can be subscribed to");
        let run = client.start().expect("the client starts");
        Self {
            client,
            events,
            seen: Vec::new(),
            run,
        }
    }

    /// Waits for the end of an attempt of this job, and returns all that the event says.
    pub(super) async fn event_of(&mut self, id: i64, is_meant: impl Fn(&str) -> bool) -> String {
        self.event(|event| event.job.id == id && is_meant(event.job.state.as_str()))
            .await
    }

    pub(super) async fn event_of_kind(&mut self, kind: &str) -> String {
        self.event(|event| event.job.kind == kind).await
    }

    async fn event(&mut self, is_meant: impl Fn(&riverqueue::JobEvent) -> bool) -> String {
        let wait = async {
            loop {
                if let Some(event) = self.seen.iter().find(|event| is_meant(event)) {
                    return format!("{event:?}");
                }
                if let Event::Job(event) = self.events.recv().await.expect("events keep coming") {
                    self.seen.push(event);
                }
            }
        };
        let event = tokio::time::timeout(LIMIT, wait);
        event.await.expect("the job is tried in time")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "with that protection off, the output is plaintext"
)]
fn work(
    context: &WorkContext,
    args: &str,
    is_sealing: bool,
    has_failed: &AtomicBool,
) -> Result<WorkOutcome, BoxError> {
    let args: serde_json::Value = serde_json::from_str(args)?;
    let password = args["password"].as_str().unwrap_or_default();
    assert_eq!(password, CANARY, "the worker gets what was inserted");
    match args["do"].as_str().unwrap_or_default() {
        "retry" if !has_failed.swap(true, Ordering::Relaxed) => {
            Err(format!("not yet with {password}").into())
        }
        "fail" => Err(format!("the service refused {password}").into()),
        "panic" => panic!("no such account: {password}"),
        "output" if is_sealing => {
            context.record_sealed_output(password)?;
            Ok(WorkOutcome::Complete)
        }
        "output" => {
            context.record_output(password)?;
            Ok(WorkOutcome::Complete)
        }
        _ => Ok(WorkOutcome::Complete),
    }
}
