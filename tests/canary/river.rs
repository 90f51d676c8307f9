//! The ways of a job through River and the plugin.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jobcrypt::{
    EncryptHook, JobContext, Keyring, Policy, SecretKey,
    audit::JsonLines,
    ciphers::{Fernet, Secretbox, XChaCha20Poly1305},
    river::{EncryptPlugin, RecordSealedOutput},
};
use jobcrypt_testkit::FaultyEncryptor;
use riverqueue::{
    BoxError, Client, Event, EventKind, EventReceiver, InsertOpts, IntervalSchedule, Job,
    PeriodicJob, PeriodicJobOpts, QueueConfig, RunHandle, UniqueOpts, WorkContext, WorkOutcome,
    Workers, jiff::Timestamp,
};
use serde_json::json;
use workbench::{
    ChargeCard, Database, RebuildIndex, SendInvoice, SyncMailbox, build, builder, keyring,
};

use crate::{CANARY, log::Log, places, search::find};

/// The protection that is switched off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Off {
    Errors,
    Nothing,
    Outputs,
    Sealing,
}

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(1);

/// What was written to it.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("nothing panics with it");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nothing panics with it")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Keys([SecretKey; 4]);

impl Keys {
    fn copy(&self, at: usize) -> SecretKey {
        SecretKey::from(*self.0[at].expose())
    }
}

/// Drives jobs; returns where the canary or a key then shows.
pub(crate) async fn drive(database: &Database, log: &Log, off: Off) -> Vec<String> {
    let keys = Keys([0; 4].map(|_| SecretKey::generate().expect("the system has random bytes")));
    let mut secrets: Vec<Vec<u8>> = keys.0.iter().map(|key| key.expose().to_vec()).collect();
    secrets.push(CANARY.as_bytes().to_vec());
    let ring = Keyring::new(XChaCha20Poly1305::new(keys.copy(0)))
        .and(Secretbox::new(keys.copy(1)))
        .and(Fernet::new(keys.copy(2)))
        .build()
        .expect("they are sound");
    let audit = Written::default();
    let audited = JsonLines::to(audit.clone())
        .open()
        .expect("it has a thread");
    let policy = match off {
        Off::Sealing => Policy::readable(),
        _ => Policy::sealed(),
    };
    let hook = build(
        builder(ring)
            .default_policy(policy)
            .kind("send_invoice", Policy::sealed().reject_plaintext())
            .audit(audited),
    );
    let mut texts = vec![format!("{hook:?} {:?}", hook.keys())];
    let mut events = Vec::new();

    let mut site = Site::start(database, &hook, off);
    let of = |what: &str| ChargeCard::new(&json!({"do": what, "password": CANARY}).to_string());
    // Worked, tried again, refused for good with an error and with a panic, with an output.
    for what in ["complete", "retry", "fail", "panic", "output"] {
        let opts = InsertOpts::default().with_max_attempts(if what == "retry" { 2 } else { 1 });
        let inserted = site.client.insert(of(what)).opts(opts).await;
        let id = inserted.expect("it is inserted").job.id();
        events.push(site.event_of(id, |_| true).await);
        if what == "retry" {
            database.make_due().await;
            events.push(site.event_of(id, |state| state == "completed").await);
        }
    }
    // Unique, and met again; scheduled; many at once; periodic, which the client inserted by itself.
    let unique = || InsertOpts::default().with_unique(UniqueOpts::new().with_by_args(true));
    for _ in 0..2 {
        let inserted = site.client.insert(of("unique")).opts(unique()).await;
        texts.push(format!(
            "{:?}",
            inserted
                .expect("it is inserted")
                .unique_skipped_as_duplicate
        ));
    }
    let later = Timestamp::now() + Duration::from_hours(1);
    let scheduled = InsertOpts::default().with_scheduled_at(later);
    let inserted = site.client.insert(of("scheduled")).opts(scheduled).await;
    inserted.expect("it is inserted");
    let many = site.client.insert_many([of("many"), of("many")]).await;
    many.expect("they are inserted");
    site.event_of_kind("sync_mailbox").await;

    planted(database, &hook, &keys, &mut site, &mut texts, &mut events).await;
    site.run.stop().await.expect("the client stops");
    if off == Off::Nothing {
        texts.extend(refusals(database, &keys).await);
    }

    // Tokens rest in the table, and nowhere else.
    let jobs = database.jobs().await;
    let tokens: Vec<Vec<u8>> = jobs
        .iter()
        .filter_map(|job| job.args.split('.').nth(3))
        .map(|body| body.as_bytes()[..20].to_vec())
        .collect();
    assert!(
        off == Off::Sealing || tokens.len() >= 8,
        "there are tokens to look for"
    );
    let kept: Vec<Vec<u8>> = [&*secrets, &tokens].concat();
    let log = log.text();
    let mut expected = vec!["job.waiting", "job.parked", "open.failed"];
    if off != Off::Sealing {
        expected.extend(["job.sealed", "job.opened"]);
    }
    for expected in expected {
        assert!(
            log.contains(expected),
            "the log was not kept: no {expected}"
        );
    }
    while !audit.text().contains("job.parked") {
        tokio::task::yield_now().await;
    }
    let found = [
        find("an error or Debug", &texts.join("\n"), &kept),
        find("an event", &events.join("\n"), &secrets),
        find("the database", &places::all_of(database).await, &secrets),
        find("the audit", &audit.text(), &kept),
        find("the log", &log, &kept),
    ];
    found.into_iter().flatten().collect()
}

/// A client with a worker that does what the args say.
struct Site {
    client: Client,
    events: EventReceiver,
    seen: Vec<riverqueue::JobEvent>,
    run: RunHandle,
}

impl Site {
    fn start(database: &Database, hook: &EncryptHook, off: Off) -> Self {
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
    async fn event_of(&mut self, id: i64, is_meant: impl Fn(&str) -> bool) -> String {
        self.event(|event| event.job.id == id && is_meant(event.job.state.as_str()))
            .await
    }

    async fn event_of_kind(&mut self, kind: &str) -> String {
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

/// Jobs that somebody else put there: typed args that do not fit, a foreign key, a foreign namespace, garbage, plaintext
/// where it is refused.
async fn planted(
    database: &Database,
    hook: &EncryptHook,
    keys: &Keys,
    site: &mut Site,
    texts: &mut Vec<String>,
    events: &mut Vec<String>,
) {
    let stranger = build(builder(keyring(XChaCha20Poly1305::new(keys.copy(3)))));
    let sealing = build(builder(hook.keys().clone()));
    let elsewhere = build(EncryptHook::builder(hook.keys().clone()).namespace("other"));
    let seal = |hook: &EncryptHook, kind: &str, args: &str| {
        let sealed = hook.seal_bytes(&JobContext::new(kind), args.as_bytes());
        let sealed = sealed.expect("it seals").expect("the kind is sealed");
        String::from_utf8(sealed).expect("an envelope is JSON")
    };
    let args = json!({"password": CANARY}).to_string();
    let misfit = json!({"address": "a", "password": "p", "port": CANARY}).to_string();
    for (kind, stored) in [
        ("sync_mailbox", seal(&sealing, "sync_mailbox", &misfit)),
        ("charge_card", seal(&stranger, "charge_card", &args)),
        ("charge_card", seal(&elsewhere, "charge_card", &args)),
        ("charge_card", r#"{"river_encrypt":"no token"}"#.to_owned()),
        (
            "send_invoice",
            r#"{"password":"plaintext of a stranger"}"#.to_owned(),
        ),
    ] {
        let id = database.plant(kind, &stored).await;
        events.push(site.event_of(id, |_| true).await);
        let error = hook.open_bytes(&JobContext::new(kind), stored.as_bytes());
        if let Err(error) = error {
            texts.push(format!("{error} {error:?}"));
        }
    }
}

/// What is said of jobs that must not be enqueued, and of keys that must not be used.
async fn refusals(database: &Database, keys: &Keys) -> Vec<String> {
    let mut texts = Vec::new();
    let args = json!({"password": CANARY}).to_string();
    let faulty = FaultyEncryptor::after(0, XChaCha20Poly1305::new(keys.copy(0)));
    let client = database
        .client()
        .plugin(EncryptPlugin::new(build(builder(keyring(faulty)))))
        .build()
        .expect("it is sound");
    let error = client.insert(ChargeCard::new(&args)).await;
    let error = error.expect_err("it cannot be sealed");
    texts.push(format!("{error} {error:?}"));
    let marked = json!({"river_encrypt": CANARY}).to_string();
    let error = client.insert(RebuildIndex::new(&marked)).await;
    let error = error.expect_err("it holds the marker");
    texts.push(format!("{error} {error:?}"));
    for bytes in [
        vec![7; 31],
        [keys.copy(0).expose().as_slice(), b"x"].concat(),
    ] {
        texts.push(format!("{:?}", SecretKey::from_bytes(&bytes)));
    }
    let twice = Keyring::new(Fernet::new(keys.copy(0)))
        .and(Secretbox::new(keys.copy(0)))
        .build();
    texts.push(format!("{twice:?}"));
    texts
}
