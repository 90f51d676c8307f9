//! What other hooks, middleware and plugins see beside the plugin, in every order.

use std::sync::{Arc, Mutex};

use jobcrypt::{EncryptHook, river::EncryptPlugin};
use riverqueue::{
    BoxError, Error, Extensions, Hook, InsertContext, InsertMiddleware, InsertNext, InsertedJob,
    Job, JobEventKind, JobRow, Plugin, QueueConfig, WorkContext, WorkError, WorkMiddleware,
    WorkNext, WorkOutcome, Workers,
};
use serde_json::json;

use workbench::{Bench, ChargeCard, Database, RebuildIndex, SyncMailbox, hook, on_both_databases};

const SECRET: &str = r#"{"pan":"4111111111111111"}"#;

/// Notes at each point whether the args it sees are sealed.
#[derive(Clone, Default)]
struct Observer(Arc<Mutex<Vec<String>>>);

impl Observer {
    fn note(&self, point: &str, args: &str) {
        let sight = if args.contains("jc1.") {
            "sealed"
        } else {
            "plain"
        };
        let mut notes = self.0.lock().expect("no test panics with the lock");
        notes.push(format!("{point}: {sight}"));
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.0.lock().expect("no test panics with the lock");
        std::mem::take(&mut *notes)
    }
}

impl Plugin for Observer {
    fn install(&self, extensions: &mut Extensions) {
        extensions
            .hook(self.clone())
            .insert_middleware(self.clone())
            .work_middleware(self.clone());
    }
}

impl Hook for Observer {
    async fn insert_begin(&self, insert: &mut InsertContext) -> Result<(), BoxError> {
        self.note("insert_begin", insert.encoded_args.get());
        Ok(())
    }

    async fn decode_insert_result(&self, job: &mut JobRow) -> Result<(), BoxError> {
        self.note("decode_insert_result", job.encoded_args.get());
        Ok(())
    }

    async fn work_begin(&self, _: &WorkContext, job: &mut JobRow) -> Result<(), BoxError> {
        self.note("work_begin", job.encoded_args.get());
        Ok(())
    }

    async fn work_end(
        &self,
        _: &WorkContext,
        job: &JobRow,
        result: Result<WorkOutcome, WorkError>,
    ) -> Result<WorkOutcome, WorkError> {
        self.note("work_end", job.encoded_args.get());
        result
    }
}

impl InsertMiddleware for Observer {
    async fn insert_many(
        &self,
        jobs: Vec<InsertContext>,
        next: InsertNext<'_>,
    ) -> Result<Vec<InsertedJob>, Error> {
        self.note("insert middleware in", jobs[0].encoded_args.get());
        let inserted = next.run(jobs).await?;
        self.note("insert middleware out", inserted[0].job.encoded_args.get());
        Ok(inserted)
    }
}

impl WorkMiddleware for Observer {
    async fn work(
        &self,
        _: &WorkContext,
        job: JobRow,
        next: WorkNext<'_>,
    ) -> Result<WorkOutcome, WorkError> {
        self.note("work middleware", job.encoded_args.get());
        next.run(job).await
    }
}

async fn notes_of_one_job(
    database: &Database,
    hook: &EncryptHook,
    observer_first: bool,
) -> Vec<String> {
    let observer = Observer::default();
    let mut bench = Bench::start_with(database, |client| {
        let encrypt = EncryptPlugin::new(hook.clone());
        if observer_first {
            client.plugin(observer.clone()).plugin(encrypt)
        } else {
            client.plugin(encrypt).plugin(observer.clone())
        }
    });
    let inserted = bench
        .client
        .insert(ChargeCard::new(SECRET))
        .await
        .expect("it is inserted");
    assert_eq!(bench.seen().await.1, SECRET);
    assert_eq!(
        bench.event_of(inserted.id()).await.kind,
        JobEventKind::Completed
    );
    assert!(database.job(inserted.id()).await.args.contains("jc1."));
    bench.stop().await;
    let mut notes = observer.notes();
    // The worker may begin before the insertion has returned to its middleware.
    notes.sort_unstable();
    notes
}

on_both_databases! {
    async fn registered_before_the_plugin_others_see_sealed_args_on_the_way_to_the_worker(database: Database) {
        assert_eq!(notes_of_one_job(&database, &hook(), true).await, [
            "decode_insert_result: plain",
            "insert middleware in: plain",
            "insert middleware out: sealed",
            "insert_begin: plain",
            "work middleware: sealed",
            "work_begin: plain",
            "work_end: plain",
        ]);
    }

    async fn registered_behind_the_plugin_others_see_sealed_args_on_the_way_to_the_table(database: Database) {
        assert_eq!(notes_of_one_job(&database, &hook(), false).await, [
            "decode_insert_result: sealed",
            "insert middleware in: plain",
            "insert middleware out: sealed",
            "insert_begin: sealed",
            "work middleware: plain",
            "work_begin: plain",
            "work_end: plain",
        ]);
    }

    async fn installed_twice_it_refuses_to_insert(database: Database) {
        let hook = hook();
        let client = database
            .client()
            .plugin(EncryptPlugin::new(hook.clone()))
            .plugin(EncryptPlugin::new(hook))
            .build()
            .expect("River cannot see it");
        let error = client.insert(ChargeCard::new(SECRET)).await.expect_err("it is noticed");
        let source = std::error::Error::source(&error).expect("the hook says why").to_string();
        assert!(source.contains("sealed already") && source.contains("once"), "{source}");
        assert_eq!(database.jobs().await, []);
    }

    async fn installed_twice_it_works_nothing_and_loses_nothing(database: Database) {
        let hook = hook();
        let good = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("it is sound");
        let sealed = good.insert(ChargeCard::new(SECRET)).await.expect("it is inserted");
        let readable = good.insert(RebuildIndex::new("{}")).await.expect("it is inserted");
        let before = database.job(sealed.id()).await;
        let mut bench = Bench::start_with(&database, |client| {
            client.plugin(EncryptPlugin::new(hook.clone())).plugin(EncryptPlugin::new(hook))
        });
        for id in [sealed.id(), readable.id()] {
            bench.event_of(id).await;
            let job = database.job(id).await;
            assert_eq!((job.attempt, job.years_ahead), (0, 0), "{job:?}");
            assert_eq!(job.metadata["jobcrypt"]["waiting"]["class"], json!("invalid_configuration"));
        }
        assert_eq!(database.job(sealed.id()).await.args, before.args);
        assert!(!bench.has_seen_more());
        bench.stop().await;
    }

    async fn what_serde_quotes_of_sealed_args_is_not_stored(database: Database) {
        let hook = hook();
        let client = database.client().plugin(EncryptPlugin::new(hook.clone())).allow_unregistered_job_kinds().build().expect("it is sound");
        // The kind of `SyncMailbox`, and args that its type does not fit: serde quotes the value.
        let args = r#"{"address":"a","password":"p","port":"canary-4711"}"#;
        let sealed = hook.seal_bytes(&jobcrypt::JobContext::new("sync_mailbox"), args.as_bytes()).expect("it seals").expect("it is sealed");
        let id = database.plant("sync_mailbox", std::str::from_utf8(&sealed).expect("it is JSON")).await;
        drop(client);
        let mut bench = Bench::start(&database, &hook);
        assert_eq!(bench.event_of(id).await.kind, JobEventKind::Failed);
        let job = database.job(id).await;
        assert!(job.errors.contains("error at line 1 column"), "{job:?}");
        assert!(!job.errors.contains("canary"), "{job:?}");
        bench.stop().await;

        // The same of a worker that decodes parts of its args itself.
        let mut workers = Workers::new();
        workers
            .add_fn(|_: WorkContext, job: Job<SyncMailbox>| async move {
                serde_json::from_str::<u32>(&job.args.password)?;
                Ok::<_, BoxError>(WorkOutcome::Complete)
            })
            .expect("the kind is added once");
        let client = database.client().plugin(EncryptPlugin::new(hook)).workers(workers).queue("default", QueueConfig::new(1)).build().expect("it is sound");
        let mut events = client.subscribe(&[riverqueue::EventKind::JobFailed]).expect("events can be subscribed to");
        let mut run = client.start().expect("it starts");
        let mailbox = SyncMailbox { address: String::new(), password: "\"canary-4711\"".to_owned(), port: 1 };
        let inserted = client.insert(mailbox).await.expect("it is inserted");
        while events.recv().await.expect("events keep coming").as_job().map(|event| event.job.id) != Some(inserted.id()) {}
        let job = database.job(inserted.id()).await;
        assert!(job.errors.contains("error at line 1"), "{job:?}");
        assert!(!job.errors.contains("canary"), "{job:?}");
        run.stop().await.expect("it stops");
    }
}
