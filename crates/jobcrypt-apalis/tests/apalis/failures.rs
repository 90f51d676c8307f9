//! Jobs that cannot be opened, beside some that can.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use apalis_core::{
    backend::TaskSink,
    error::BoxDynError,
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use apalis_sqlite::SqliteStorage;
use async_trait::async_trait;
use jobcrypt_apalis::{EncryptBackend, SealedWords};
use jobcrypt_core::{EncryptHook, Encryptor, Error, JobContext, KeyProvider, Keyring, Keys};
use jobcrypt_testkit::Worker;
use tokio::sync::Notify;

use crate::{
    bench::{Args, Bench, Engine, hook, new_key, on_each_store, raw, worker_name},
    sqlite::Sqlite,
};

const KIND: &str = "charge_card";
const ARGS: &str = r#"{"pan":"canary-pan-41111111"}"#;

fn sealed(hook: &EncryptHook) -> String {
    let sealed = hook.seal_bytes(&JobContext::new(KIND), ARGS.as_bytes());
    let sealed = sealed.expect("it seals").expect("the kind is sealed");
    String::from_utf8(sealed).expect("an envelope is JSON")
}

#[derive(Debug, serde::Deserialize)]
struct Card {
    #[serde(rename = "pan")]
    _pan: u64,
}

on_each_store! {
    async fn one_worker_lives_on_past_many_bad_jobs<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        let other = sealed(&hook(new_key()));
        let mut bad = Vec::new();
        for number in 0..70 {
            let args = if number % 2 == 0 { &*other } else { r#"{"river_encrypt":"jc1.?"}"# };
            let id = bench.plant(KIND, args).await;
            bench.engine.put_first(&id).await;
            bad.push(id);
        }
        bench.push(KIND, ARGS).await.expect("it is stored");
        let good = |args: Args, worker: WorkerContext| async move {
            assert_eq!(args.get(), ARGS);
            worker.stop()?;
            Ok::<_, BoxDynError>(())
        };
        let worker = WorkerBuilder::new(worker_name()).backend(bench.backend(KIND).clone()).build(good);
        worker.run().await.expect("the worker lives on");
        for (number, id) in bad.iter().enumerate() {
            let row = bench.row(id).await;
            assert_eq!((row.waits(), row.is_parked()), (number % 2 == 0, number % 2 == 1), "{row:?}");
            assert_eq!((row.attempts, &*row.status), (0, "Pending"), "{row:?}");
        }
    }

    async fn the_wait_for_a_key_grows_and_is_forgotten_once_it_is_there<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        let key: Arc<dyn Encryptor> = Arc::new(new_key());
        let id = bench.plant(KIND, &sealed(&hook(Arc::clone(&key)))).await;
        for delay in [10, 20, 40] {
            bench.work_one(Worker::Succeeds).await;
            let due_in = bench.row(&id).await.due_in;
            assert!((delay - 5..=delay).contains(&due_in), "due in {due_in} s, not {delay}");
            bench.engine.make_due().await;
        }
        let alone = bench.hook.keys().snapshot();
        let both = alone.with_secondary(key).build().expect("the keys are two");
        bench.hook.keys().swap(both);
        let (_, seen) = bench.work_one(Worker::Fails).await;
        assert_eq!(seen, Some((KIND.to_owned(), ARGS.to_owned())));

        bench.hook.keys().swap(Keyring::new(new_key()).build().expect("it is one"));
        bench.engine.make_due().await;
        bench.work_one(Worker::Succeeds).await;
        let due_in = bench.row(&id).await.due_in;
        assert!((5..=10).contains(&due_in), "it counts on from before: due in {due_in} s");
    }

    async fn a_key_that_never_comes_is_given_up<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        let id = bench.plant(KIND, &sealed(&hook(new_key()))).await;
        let storage = bench.engine.storage(KIND);
        let impatient = EncryptBackend::new(bench.hook.clone(), KIND, storage).park_after(Duration::ZERO);
        *bench.backend(KIND) = impatient;
        bench.work_one(Worker::Succeeds).await;
        assert!(bench.row(&id).await.is_parked());
    }

    async fn what_a_handler_says_is_sealed_and_can_be_opened<E>() {
        for is_readable in [false, true] {
            let mut bench = Bench::<E>::new(hook(new_key())).await;
            if is_readable {
                let backend = bench.backend(KIND).clone().readable_errors();
                *bench.backend(KIND) = backend;
            }
            let id = bench.push(KIND, ARGS).await.expect("it is stored");
            let says = |args: Args, worker: WorkerContext| async move {
                worker.stop()?;
                Err::<Args, _>(BoxDynError::from(format!("the bank refused {}", args.get())))
            };
            let worker = WorkerBuilder::new(worker_name()).backend(bench.backend(KIND).clone()).build(says);
            worker.run().await.expect("the worker lives on");
            let row = bench.row(&id).await;
            assert_eq!(row.result.contains("canary"), is_readable, "{row:?}");
            let opened = SealedWords::open(&bench.hook, KIND, &row.result);
            let expected = (!is_readable).then(|| format!("the bank refused {ARGS}"));
            assert_eq!(opened.as_ref().map(|it| &***it), expected.as_deref(), "{row:?}");
        }
    }

    async fn a_panic_has_no_words_of_a_sealed_job<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        bench.push(KIND, ARGS).await.expect("it is stored");
        let panics = |args: Args, worker: WorkerContext| async move {
            worker.stop()?;
            let refused = args.get().contains("canary");
            assert!(!refused, "no such card: {}", args.get());
            Ok::<_, BoxDynError>(raw("null"))
        };
        let worker = WorkerBuilder::new(worker_name()).backend(bench.backend(KIND).clone()).build(panics);
        let panic = tokio::spawn(worker.run()).await.expect_err("it panics").to_string();
        let opened = SealedWords::open(&bench.hook, KIND, &panic).expect("it opens");
        assert_eq!(*opened, format!("no such card: {ARGS}"));
        assert!(!panic.contains("canary"), "{panic}");
    }

    async fn what_serde_quotes_is_not_stored_with_the_job<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        let id = bench.push(KIND, ARGS).await.expect("it is stored");
        let quotes = |args: Args, worker: WorkerContext| async move {
            worker.stop()?;
            serde_json::from_str::<Card>(args.get()).map_err(BoxDynError::from)?;
            Ok::<_, BoxDynError>(raw("null"))
        };
        let worker = WorkerBuilder::new(worker_name()).backend(bench.backend(KIND).clone()).build(quotes);
        worker.run().await.expect("the worker lives on");
        let row = bench.row(&id).await;
        assert!(row.result.contains("do not fit"), "{row:?}");
        assert!(!row.result.contains("canary"), "{row:?}");
        assert_eq!(row.attempts, 1, "{row:?}");
    }
}

/// apalis' own worker ends there, and its error quotes the args.
#[tokio::test]
async fn args_that_do_not_fit_the_handler_park_their_job_only() {
    let sqlite = Sqlite::start().await;
    let hook = hook(new_key());
    let text = SqliteStorage::<String>::new(&sqlite.pool);
    let mut text = EncryptBackend::new(hook.clone(), KIND, text);
    text.push("canary-pan-41111111".to_owned())
        .await
        .expect("it is stored");
    text.push("4".to_owned()).await.expect("it is stored");

    let letters = SqliteStorage::<char>::new(&sqlite.pool);
    let letters = EncryptBackend::new(hook, KIND, letters);
    let work = |letter: char, worker: WorkerContext| async move {
        assert_eq!(letter, '4');
        worker.stop()?;
        Ok::<_, BoxDynError>(())
    };
    let worker = WorkerBuilder::new(worker_name())
        .backend(letters)
        .build(work);
    worker.run().await.expect("the worker lives on");
    let rows = sqlite.rows().await;
    assert_eq!(rows.iter().filter(|row| row.is_parked()).count(), 1);
    assert_eq!(rows.iter().filter(|row| row.status == "Done").count(), 1);
    assert!(!format!("{rows:?}").contains("canary"));
}

/// Has one key at first, and the other once it is told.
struct Slow {
    keys: [Arc<dyn Encryptor>; 2],
    was_asked: AtomicBool,
    told: Arc<Notify>,
}

#[async_trait]
impl KeyProvider for Slow {
    async fn keyring(&self) -> Result<Keyring, Error> {
        let [one, other] = &self.keys;
        let keyring = Keyring::new(Arc::clone(one));
        if !self.was_asked.swap(true, Ordering::Relaxed) {
            return keyring.build();
        }
        self.told.notified().await;
        keyring.and(Arc::clone(other)).build()
    }
}

#[tokio::test]
async fn jobs_do_not_wait_behind_one_whose_key_is_asked_for() {
    let [one, other]: [Arc<dyn Encryptor>; 2] = [Arc::new(new_key()), Arc::new(new_key())];
    let told = Arc::new(Notify::new());
    let provider = Slow {
        keys: [one, Arc::clone(&other)],
        was_asked: AtomicBool::new(false),
        told: Arc::clone(&told),
    };
    let keys = Keys::from_provider_every(Duration::ZERO, provider).await;
    let hook = EncryptHook::builder(keys.expect("it has one key")).build();
    let mut bench = Bench::<Sqlite>::new(hook.expect("the hook is sound")).await;
    let first = bench.plant(KIND, &sealed(&self::hook(other))).await;
    bench.engine.put_first(&first).await;
    bench.push(KIND, "\"behind\"").await.expect("it is stored");

    let seen = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&seen);
    let work = move |args: Args, worker: WorkerContext| {
        let mut seen = seen.lock().expect("no handler panics");
        seen.push(args.get().to_owned());
        let is_last = seen.len() == 2;
        told.notify_one();
        async move {
            if is_last {
                worker.stop()?;
            }
            Ok::<_, BoxDynError>(())
        }
    };
    let backend = bench.backend(KIND).clone();
    let worker = WorkerBuilder::new(worker_name())
        .backend(backend)
        .build(work);
    worker.run().await.expect("the worker lives on");
    let seen = remembered.lock().expect("no handler panics");
    assert_eq!(*seen, ["\"behind\"", ARGS]);
}
