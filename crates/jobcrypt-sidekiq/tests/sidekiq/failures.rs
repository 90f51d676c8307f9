//! What becomes of jobs that cannot be opened, and of those whose worker fails.

use jobcrypt_core::{EncryptHook, JobContext, Keyring, Policy};
use jobcrypt_sidekiq::{EncryptClient, EncryptMiddleware, JobNote, PARKED, SealedWords};
use jobcrypt_testkit::Worker;
use sidekiq::Job;

use crate::bench::{Bench, new_key};

const PAN: &str = r#""4111111111111111""#;

fn job(class: &str, args: &str) -> String {
    let args: serde_json::Value = serde_json::from_str(args).expect("args are JSON");
    let job = sidekiq::opts().create_job(class.to_owned(), args);
    serde_json::to_string(&job.expect("it can be made")).expect("a job is JSON")
}

fn sealed(hook: &EncryptHook, class: &str) -> String {
    let sealed = hook.seal_bytes(&JobContext::new(class), PAN.as_bytes());
    let sealed = sealed
        .expect("a sound key seals")
        .expect("the kind is sealed");
    format!(
        "[{}]",
        String::from_utf8(sealed).expect("an envelope is text")
    )
}

fn only(mut jobs: Vec<Job>) -> Job {
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    jobs.remove(0)
}

fn holds_a_token(job: &Job) {
    let args = job.args.to_string();
    assert!(args.starts_with(r#"[{"river_encrypt":"jc1."#), "{args}");
}

#[tokio::test]
async fn the_retry_set_and_the_dead_set_stay_sealed() {
    let mut bench = Bench::with_new_key().await;
    *bench.seen.told.lock().expect("no test panics in here") = Some(Worker::Fails);
    let opts = sidekiq::opts().retry(1);
    let pushed = bench
        .client
        .push(&opts, "charge_card", "4111111111111111")
        .await;
    pushed.expect("a sound job is stored");

    bench.work_one().await;
    let retried = only(bench.in_set("retry").await);
    holds_a_token(&retried);
    assert_eq!(retried.retry_count, Some(0));
    bench.make_due().await;
    bench.work_one().await;
    holds_a_token(&only(bench.in_set("dead").await));
    assert_eq!(bench.seen.take().len(), 2);
    assert!(
        !bench.dump().await.contains("41111111"),
        "{}",
        bench.dump().await
    );
}

/// Says what it was about, by an error or by a panic.
struct Quotes;

#[async_trait::async_trait]
impl sidekiq::Worker<(String, String)> for Quotes {
    async fn perform(&self, (how, pan): (String, String)) -> sidekiq::Result<()> {
        assert!(how != "panic", "no such card: {pan}");
        Err(sidekiq::Error::Message(format!("the bank refused {pan}")))
    }
}

fn quoting(how: &str) -> (String, String) {
    (how.to_owned(), "4111111111111111".to_owned())
}

#[tokio::test]
async fn what_a_worker_says_is_sealed_and_can_be_opened() {
    let mut bench = Bench::with_new_key().await;
    bench.processor.register(Quotes);
    let pushed = bench
        .client
        .perform_async::<Quotes, _>(quoting("fail"))
        .await;
    pushed.expect("a sound job is stored");
    bench.work_one().await;
    let failed = only(bench.in_set("retry").await);
    assert_eq!(failed.error_class.as_deref(), Some("RuntimeError"));
    let stored = failed.error_message.expect("the worker failed");
    assert!(
        stored.contains("the worker failed; its words are sealed: jc1."),
        "{stored}"
    );
    assert!(
        !bench.dump().await.contains("41111111"),
        "{}",
        bench.dump().await
    );
    let opened = SealedWords::open(&bench.hook, "Quotes", &stored).expect("it opens");
    assert_eq!(*opened, "the bank refused 4111111111111111");
    assert_eq!(SealedWords::open(&bench.hook, "charge_card", &stored), None);

    // A panic ends rusty-sidekiq's task, which logs it.
    let pushed = bench
        .client
        .perform_async::<Quotes, _>(quoting("panic"))
        .await;
    pushed.expect("a sound job is stored");
    let mut processor = bench.processor.clone();
    let worked = tokio::spawn(async move { processor.process_one_tick_once().await.is_ok() });
    let panic = worked.await.expect_err("the worker panics").to_string();
    assert!(
        panic.contains("the worker panicked; its words are sealed: jc1."),
        "{panic}"
    );
    let opened = SealedWords::open(&bench.hook, "Quotes", &panic).expect("it opens");
    assert_eq!(*opened, "no such card: 4111111111111111");
}

#[tokio::test]
async fn words_are_readable_where_the_app_asked_for_that_and_of_readable_kinds() {
    for readable in [true, false] {
        let mut bench = Bench::with_new_key().await;
        bench.processor = sidekiq::Processor::new(bench.redis.clone(), vec!["default".to_owned()]);
        bench.processor.register(Quotes);
        let policy = if readable {
            Policy::readable()
        } else {
            Policy::sealed()
        };
        let keyring = Keyring::new(new_key()).build().expect("a new key is sound");
        let hook = EncryptHook::builder(keyring).default_policy(policy).build();
        let hook = hook.expect("the hook is sound");
        let middleware = EncryptMiddleware::new(hook.clone());
        let middleware = if readable {
            middleware
        } else {
            middleware.readable_errors()
        };
        bench.processor.using(middleware).await;
        let client = EncryptClient::new(hook, bench.redis.clone());
        let pushed = client.perform_async::<Quotes, _>(quoting("fail")).await;
        pushed.expect("a sound job is stored");
        bench.work_one().await;
        let stored = only(bench.in_set("retry").await).error_message;
        let stored = stored.expect("the worker failed");
        assert!(
            stored.contains("the bank refused 4111111111111111"),
            "{stored}"
        );
    }
}

/// As sealing ends: what was sealed stays secret, though nothing new is sealed.
#[tokio::test]
async fn a_decrypt_only_hook_keeps_no_words_about_a_job_that_was_sealed() {
    let mut bench = Bench::with_new_key().await;
    let pushed = bench
        .client
        .perform_async::<Quotes, _>(quoting("fail"))
        .await;
    pushed.expect("a sound job is stored");
    bench.processor = sidekiq::Processor::new(bench.redis.clone(), vec!["default".to_owned()]);
    bench.processor.register(Quotes);
    let decrypting = bench
        .hook
        .to_decrypt_only()
        .expect("it rejects no plaintext");
    bench
        .processor
        .using(EncryptMiddleware::new(decrypting))
        .await;
    bench.work_one().await;
    let stored = only(bench.in_set("retry").await).error_message;
    let stored = stored.expect("the worker failed");
    assert!(
        stored.contains("the worker failed; its words are not kept"),
        "{stored}"
    );
    assert!(
        !bench.dump().await.contains("41111111"),
        "{}",
        bench.dump().await
    );
}

#[tokio::test]
async fn an_error_of_serde_is_stored_without_the_args_that_it_quotes() {
    struct WantsNumber;
    #[async_trait::async_trait]
    impl sidekiq::Worker<u64> for WantsNumber {
        async fn perform(&self, _: u64) -> sidekiq::Result<()> {
            Ok(())
        }
    }

    let mut bench = Bench::with_new_key().await;
    bench.processor.register(WantsNumber);
    let opts = sidekiq::opts();
    let pushed = bench
        .client
        .push(&opts, "WantsNumber", "4111111111111111")
        .await;
    pushed.expect("a sound job is stored");
    bench.work_one().await;
    let error = only(bench.in_set("retry").await).error_message;
    let error = error.expect("the worker failed");
    assert!(error.contains("do not fit"), "{error}");
    assert!(!error.contains("41111111"), "{error}");
}

#[tokio::test]
async fn a_job_waits_for_its_key_without_using_up_a_retry() {
    let mut bench = Bench::with_new_key().await;
    let arriving = std::sync::Arc::new(new_key());
    let other = Keyring::new(std::sync::Arc::clone(&arriving)).build();
    let other = EncryptHook::builder(other.expect("a new key is sound")).build();
    let args = sealed(&other.expect("the hook is sound"), "charge_card");
    bench.plant(&job("charge_card", &args)).await;

    for times in 1..=3 {
        bench.work_one().await;
        let waiting = only(bench.in_set("schedule").await);
        assert_eq!(waiting.retry_count, None, "a wait is no retry");
        assert_eq!(waiting.args.to_string(), args);
        let note = JobNote::of(&waiting);
        let Some(JobNote::Waiting {
            cause,
            times: noted,
            ..
        }) = &note
        else {
            panic!("it waits: {note:?}");
        };
        assert_eq!((cause.class.as_str(), *noted), ("no_matching_key", times));
        bench.make_due().await;
    }
    let both = bench
        .hook
        .keys()
        .snapshot()
        .with_secondary(arriving)
        .build();
    bench.hook.keys().swap(both.expect("the keys are two"));
    bench.work_one().await;
    let seen = bench.seen.take();
    assert_eq!(seen, [("charge_card".to_owned(), PAN.to_owned())]);
}

#[tokio::test]
async fn a_bad_job_is_parked_beside_good_ones_and_put_back() {
    let mut bench = Bench::with_new_key().await;
    let opts = sidekiq::opts();
    let foreign = sealed(&bench.hook, "send_invoice");
    let push = async |bench: &Bench| {
        let pushed = bench
            .client
            .push(&opts, "charge_card", "4111111111111111")
            .await;
        pushed.expect("a sound job is stored");
    };
    push(&bench).await;
    let bad = job("charge_card", &foreign);
    bench.plant(&bad).await;
    push(&bench).await;
    while bench.work_one().await {}
    assert_eq!(bench.seen.take().len(), 2, "the good ones are worked");

    let parked = only(bench.parked.list().await.expect("the server answers"));
    assert_eq!(parked.args.to_string(), foreign);
    let Some(JobNote::Parked { cause, .. }) = JobNote::of(&parked) else {
        panic!("it says why");
    };
    assert_eq!(cause.class, "authentication_failed");
    assert!(!cause.error.contains("jc1."), "{}", cause.error);

    let put_back = bench.parked.put_back(&parked.jid).await;
    assert!(put_back.expect("the server answers"));
    let again = only(bench.queued().await);
    assert_eq!(JobNote::of(&again), None);
    let bad: Job = serde_json::from_str(&bad).expect("a job is JSON");
    let (again, bad) = (serde_json::to_value(again), serde_json::to_value(bad));
    assert_eq!(again.expect("JSON"), bad.expect("JSON"));
    let put_back = bench.parked.put_back_all().await;
    assert_eq!(put_back.expect("the server answers"), 0);
}

#[tokio::test]
async fn an_envelope_beside_other_args_reaches_no_worker() {
    let mut bench = Bench::with_new_key().await;
    let args = sealed(&bench.hook, "charge_card").replace(']', ",1]");
    bench.plant(&job("charge_card", &args)).await;
    bench.work_one().await;
    assert_eq!(bench.seen.take(), []);
    assert_eq!(only(bench.in_set(PARKED).await).args.to_string(), args);
}

#[tokio::test]
async fn plaintext_is_parked_where_it_is_rejected() {
    let keyring = Keyring::new(new_key()).build().expect("a new key is sound");
    let strict = Policy::sealed().reject_plaintext();
    let hook = EncryptHook::builder(keyring).default_policy(strict).build();
    let mut bench = Bench::new(hook.expect("the hook is sound")).await;
    for args in [r#"["41111111"]"#, "[1,2]", "[]", "[[1]]"] {
        bench.plant(&job("charge_card", args)).await;
    }
    while bench.work_one().await {}
    assert_eq!(bench.seen.take(), []);
    assert_eq!(bench.in_set(PARKED).await.len(), 4);
}

#[tokio::test]
async fn a_second_middleware_costs_no_job_and_stores_nothing_readable() {
    let mut bench = Bench::with_new_key().await;
    let second = EncryptMiddleware::new(bench.hook.clone());
    bench.processor.using(second).await;
    let opts = sidekiq::opts();
    let pushed = bench
        .client
        .push(&opts, "charge_card", "4111111111111111")
        .await;
    pushed.expect("a sound job is stored");
    bench.work_one().await;
    assert_eq!(bench.seen.take(), []);
    let waiting = only(bench.in_set("schedule").await);
    holds_a_token(&waiting);
    let note = waiting.error_message.expect("it says why");
    assert!(note.contains("two encrypt middlewares"), "{note}");
}

#[tokio::test]
async fn a_refused_job_is_in_the_dead_set_where_that_was_asked_for() {
    let mut bench = Bench::with_new_key().await;
    // A new chain, with another middleware in the place of the bench's.
    let queues = vec![crate::bench::QUEUE.to_owned()];
    bench.processor = sidekiq::Processor::new(bench.redis.clone(), queues);
    let middleware = EncryptMiddleware::new(bench.hook.clone()).dead_refused();
    bench.processor.using(middleware).await;
    bench
        .plant(&job("charge_card", r#"[{"river_encrypt":"?"}]"#))
        .await;
    bench.work_one().await;
    assert_eq!(bench.in_set("dead").await.len(), 1);
    assert_eq!(bench.in_set(PARKED).await.len(), 0);
}

/// The whole of rusty-sidekiq, with one worker that a bad job could stop.
#[tokio::test]
async fn a_running_processor_works_what_comes_after_a_bad_job() {
    struct Tells(tokio::sync::mpsc::UnboundedSender<String>);
    #[async_trait::async_trait]
    impl sidekiq::Worker<String> for Tells {
        async fn perform(&self, args: String) -> sidekiq::Result<()> {
            self.0
                .send(args)
                .map_err(|_| sidekiq::Error::Message("nobody listens".to_owned()))
        }
    }

    let mut bench = Bench::with_new_key().await;
    let (tells, mut told) = tokio::sync::mpsc::unbounded_channel();
    bench.processor.register(Tells(tells));
    bench
        .plant(&job("Tells", r#"[{"river_encrypt":"jc1.?"}]"#))
        .await;
    let pushed = bench
        .client
        .perform_async::<Tells, _>("after".to_owned())
        .await;
    pushed.expect("a sound job is stored");
    let one = sidekiq::ProcessorConfig::default().num_workers(1);
    let running = tokio::spawn(bench.processor.clone().with_config(one).run());
    let args = tokio::time::timeout(std::time::Duration::from_mins(1), told.recv()).await;
    assert_eq!(args.expect("it is worked").as_deref(), Some("after"));
    running.abort();
    let parked = only(bench.parked.list().await.expect("the server answers"));
    assert_eq!(parked.class, "Tells");
}
