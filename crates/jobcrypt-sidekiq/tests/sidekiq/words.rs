//! What workers say of jobs that were sealed.

use jobcrypt_core::{EncryptHook, Keyring, Policy};
use jobcrypt_sidekiq::{EncryptClient, EncryptMiddleware, SealedWords};

use crate::{
    bench::{Bench, new_key},
    failures::only,
};

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
