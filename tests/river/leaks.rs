//! What a worker says of a sealed job: its output, its errors, its panics. None is stored in plaintext, and all can be
//! revealed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jobcrypt::{
    AuditEvent, AuditSink, EncryptHook,
    river::{EncryptPlugin, RecordSealedOutput, SealedError, open_output},
    store::{MigrateOptions, Reveal, SafeToRemove, Store, Table},
};
use riverqueue::{
    BoxError, Client, ErrorHandler, ErrorHandlerDecision, Event, EventKind, InsertOpts, Job,
    JobCancelError, JobRow, QueueConfig, RunHandle, WorkContext, WorkOutcome, WorkResult, Workers,
};
use workbench::{ChargeCard, Database, RebuildIndex, hook, key, on_both_databases};

const SECRET: &str = "41111111-canary";
const LIMIT: Duration = Duration::from_mins(1);

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

/// Keeps what the worker itself returned.
impl ErrorHandler for Heard {
    async fn handle_error(
        &self,
        _: &WorkContext,
        _: &JobRow,
        result: &WorkResult,
    ) -> Result<ErrorHandlerDecision, BoxError> {
        if let WorkResult::Failed(error) = result
            && let Some(sealed) = error.downcast_ref::<SealedError>()
        {
            let original = sealed.original().to_string();
            self.0
                .lock()
                .expect("nothing panics with it")
                .push(original);
        }
        Ok(ErrorHandlerDecision::default())
    }
}

/// Does what the args say.
fn work(context: &WorkContext, args: &str) -> Result<WorkOutcome, BoxError> {
    let value: serde_json::Value = serde_json::from_str(args)?;
    let secret = value["secret"].as_str().unwrap_or_default();
    match value["do"].as_str().unwrap_or_default() {
        "output" => context.record_sealed_output(format!("the balance of {secret}"))?,
        "fail" => return Err(format!("the service refused {secret}").into()),
        "cancel" => return Err(JobCancelError::new(format!("{secret} was stolen")).into()),
        "panic" => panic!("no such card: {secret}"),
        other => return Err(format!("what is {other}?").into()),
    }
    Ok(WorkOutcome::Complete)
}

struct Site {
    client: Client,
    events: riverqueue::EventReceiver,
    run: RunHandle,
}

impl Site {
    fn start(database: &Database, plugin: EncryptPlugin, heard: &Heard) -> Self {
        let mut workers = Workers::new();
        workers
            .add_fn(|context: WorkContext, job: Job<ChargeCard>| async move {
                work(&context, job.args.json())
            })
            .and_then(|workers| {
                workers.add_fn(|context: WorkContext, job: Job<RebuildIndex>| async move {
                    work(&context, job.args.json())
                })
            })
            .expect("each kind is added once");
        let queue = QueueConfig::new(4)
            .with_fetch_cooldown(Duration::from_millis(10))
            .with_fetch_poll_interval(Duration::from_millis(50));
        let client = database
            .client()
            .plugin(plugin)
            .error_handler(heard.clone())
            .workers(workers)
            .queue("default", queue)
            .build()
            .expect("the client is sound");
        let kinds = [
            EventKind::JobCancelled,
            EventKind::JobCompleted,
            EventKind::JobFailed,
        ];
        let events = client
            .subscribe(&kinds)
            .expect("events can be subscribed to");
        let run = client.start().expect("the client starts");
        Self {
            client,
            events,
            run,
        }
    }

    /// Works a job that does this; returns its id and its row afterwards.
    async fn work(&mut self, what: &str) -> JobRow {
        let args = format!(r#"{{"do":"{what}","secret":"{SECRET}"}}"#);
        let opts = InsertOpts::default().with_max_attempts(1);
        let inserted = self.client.insert(ChargeCard::new(&args)).opts(opts).await;
        self.end_of(inserted.expect("it is inserted").job.id())
            .await
    }

    async fn end_of(&mut self, id: i64) -> JobRow {
        let wait = async {
            loop {
                match self.events.recv().await.expect("events keep coming") {
                    Event::Job(event) if event.job.id == id => return event.job,
                    _ => {}
                }
            }
        };
        let ended = tokio::time::timeout(LIMIT, wait);
        ended.await.expect("the job is worked in time")
    }
}

struct Nowhere;

impl AuditSink for Nowhere {
    fn record(&self, _: &AuditEvent<'_>) {}
}

/// What the tokens of a job hold, by their purpose.
async fn revealed(store: &Store, hook: &EncryptHook, id: i64) -> BTreeMap<String, String> {
    let revealed = store
        .reveal(hook, &Reveal::job(id.to_string()), &Nowhere)
        .await;
    let tokens = revealed.expect("it opens").tokens;
    tokens
        .into_iter()
        .map(|it| (it.purpose.as_str().to_owned(), it.json.to_string()))
        .collect()
}

on_both_databases! {
    async fn what_a_worker_says_is_sealed_and_can_be_revealed(database: Database) {
        let (hook, heard) = (hook(), Heard::default());
        let mut site = Site::start(&database, EncryptPlugin::new(hook.clone()), &heard);
        let output = site.work("output").await;
        let failed = site.work("fail").await;
        let cancelled = site.work("cancel").await;
        let panicked = site.work("panic").await;
        assert_eq!(
            [&output, &failed, &cancelled, &panicked].map(|job| job.state.as_str()),
            ["completed", "discarded", "cancelled", "discarded"]
        );
        let shown = format!("{:?} {:?}", database.jobs().await, [&output, &failed, &cancelled, &panicked]);
        assert!(!shown.contains(SECRET), "{shown}");
        let error = |job: &JobRow| job.errors.last().expect("it has one").error.clone();
        assert!(error(&failed).starts_with("the worker failed; its words are sealed: jc1."), "{failed:?}");
        assert!(error(&panicked).starts_with("the worker panicked; its words are sealed: jc1."), "{panicked:?}");
        assert!(error(&cancelled).contains("the worker failed; its words are sealed: jc1."), "{cancelled:?}");
        assert_eq!(*heard.0.lock().expect("nothing panics with it"), [format!("the service refused {SECRET}")]);
        let opened = open_output(&hook, &output).expect("it opens").expect("it was recorded");
        assert_eq!(opened.get(), format!("\"the balance of {SECRET}\""));

        let store = Store::connect(&database.url(), [Table::river()]).await.expect("it is there");
        for is_moved in [false, true] {
            if is_moved {
                let old = hook.keys().snapshot().primary().key_id();
                hook.keys().rotate(jobcrypt::ciphers::XChaCha20Poly1305::new(key())).expect("sound");
                let report = store.migrate(&hook, &MigrateOptions::new(), &mut |_| {}).await.expect("it migrates");
                assert_eq!((report.migrated, report.further, report.left_within), (4, 4, 0));
                assert_eq!(report.status.safe_to_remove(old, None), SafeToRemove::Yes);
            }
            assert_eq!(revealed(&store, &hook, output.id).await["output"], format!("\"the balance of {SECRET}\""));
            assert_eq!(revealed(&store, &hook, failed.id).await["error"], format!("\"the service refused {SECRET}\""));
            assert!(revealed(&store, &hook, cancelled.id).await["error"].contains(SECRET));
            assert_eq!(revealed(&store, &hook, panicked.id).await["error"], format!("\"no such card: {SECRET}\""));
        }
        assert_eq!(store.doctor(&hook).await.expect("it reads"), []);
        site.run.stop().await.expect("it stops");
    }

    async fn a_decrypt_only_hook_keeps_no_words_about_a_job_that_was_sealed(database: Database) {
        let (hook, heard) = (hook(), Heard::default());
        let args = format!(r#"{{"do":"fail","secret":"{SECRET}"}}"#);
        let sealing = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("sound");
        let opts = InsertOpts::default().with_max_attempts(1);
        let inserted = sealing.insert(ChargeCard::new(&args)).opts(opts).await;
        let id = inserted.expect("it is inserted").job.id();
        let decrypting = hook.to_decrypt_only().expect("it rejects no plaintext");
        let mut site = Site::start(&database, EncryptPlugin::new(decrypting), &heard);
        let failed = site.end_of(id).await;
        let stored = &failed.errors[0].error;
        assert!(stored.starts_with("the worker failed; its words are not kept"), "{stored}");
        assert!(!format!("{:?}", database.jobs().await).contains(SECRET));
        // The error handler has them.
        assert_eq!(*heard.0.lock().expect("nothing panics with it"), [format!("the service refused {SECRET}")]);

        // What was stored in plaintext hides nothing.
        let failed = site.work("fail").await;
        assert_eq!(failed.errors[0].error, format!("the service refused {SECRET}"));
        site.run.stop().await.expect("it stops");
    }

    async fn readable_kinds_and_those_who_ask_keep_their_words(database: Database) {
        let (hook, heard) = (hook(), Heard::default());
        let plugin = EncryptPlugin::new(hook.clone()).readable_errors();
        let mut site = Site::start(&database, plugin, &heard);
        let failed = site.work("fail").await;
        assert_eq!(failed.errors[0].error, format!("the service refused {SECRET}"));
        let panicked = site.work("panic").await;
        assert_eq!(panicked.errors[0].error, format!("no such card: {SECRET}"));
        site.run.stop().await.expect("it stops");

        let mut site = Site::start(&database, EncryptPlugin::new(hook), &heard);
        for (what, field) in [("fail", "errors"), ("output", "output")] {
            let args = format!(r#"{{"do":"{what}","secret":"readable"}}"#);
            let opts = InsertOpts::default().with_max_attempts(1);
            let job = site.client.insert(RebuildIndex::new(&args)).opts(opts).await;
            let job = site.end_of(job.expect("it is inserted").job.id()).await;
            let said = match field {
                "errors" => job.errors[0].error.clone(),
                _ => job.output().expect("it was recorded").get().to_owned(),
            };
            assert!(said.contains("readable"), "{said}");
        }
        site.run.stop().await.expect("it stops");
    }
}
