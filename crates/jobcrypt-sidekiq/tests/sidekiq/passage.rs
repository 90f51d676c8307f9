//! The ways into the queue.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jobcrypt_core::{EncryptHook, JobContext, Keyring, Policy, SecretKey, UniqueKeys};
use jobcrypt_sidekiq::EncryptClient;
use serde_json::json;
use sidekiq::{Worker, WorkerOpts, periodic, periodic::Utc};

use crate::bench::{Bench, new_key};

struct SendLetter;

#[async_trait]
impl Worker<(String, u32)> for SendLetter {
    fn opts() -> WorkerOpts<(String, u32), Self> {
        WorkerOpts::new()
            .unique_for(Duration::from_mins(1))
            .retry(3)
    }

    async fn perform(&self, (to, copies): (String, u32)) -> sidekiq::Result<()> {
        assert_eq!((to.as_str(), copies), ("ada@example.com", 2));
        Ok(())
    }
}

fn letter() -> (String, u32) {
    ("ada@example.com".to_owned(), 2)
}

#[tokio::test]
async fn a_worker_of_rusty_sidekiq_gets_its_args_and_options() {
    let mut bench = Bench::with_new_key().await;
    bench.processor.register(SendLetter);
    let client = bench.client.clone().unique_by_plain_hash();
    let jid = client.perform_async::<SendLetter, _>(letter()).await;
    let jid = jid.expect("a sound job is stored");
    assert!(jid.is_some());
    let job = bench.queued().await.remove(0);
    assert_eq!(job.class, "SendLetter");
    assert_eq!(job.retry, sidekiq::RetryOpts::Max(3));
    // A legal job: its args are an array, of the one envelope.
    let [envelope] = &job.args.as_array().expect("args are an array")[..] else {
        panic!("{}", job.args);
    };
    let opened = bench.hook.open_bytes(
        &JobContext::new("SendLetter"),
        envelope.to_string().as_bytes(),
    );
    let opened = opened.expect("it opens").expect("it was sealed");
    assert_eq!(opened, br#"["ada@example.com",2]"#);

    bench.work_one().await;
    assert!(
        bench.in_set("retry").await.is_empty(),
        "the worker got what was enqueued"
    );
    assert!(!bench.dump().await.contains("ada@"));
}

#[tokio::test]
async fn a_unique_job_is_stored_once() {
    let bench = Bench::with_new_key().await;
    let client = bench.client.clone().unique_by_plain_hash();
    let mut jids = Vec::new();
    for args in [letter(), letter(), ("alan@example.com".to_owned(), 2)] {
        let jid = client.perform_async::<SendLetter, _>(args).await;
        jids.push(jid.expect("the server answers").is_some());
    }
    assert_eq!(jids, [true, false, true]);
    assert_eq!(bench.queued().await.len(), 2);
    // Those who do not seal yet are kept out too.
    let plain = SendLetter::perform_async(&bench.redis, letter()).await;
    plain.expect("the server answers");
    assert_eq!(bench.queued().await.len(), 2);
}

#[tokio::test]
async fn a_unique_job_is_refused_where_its_args_could_be_guessed() {
    let bench = Bench::with_new_key().await;
    let refused = bench.client.perform_async::<SendLetter, _>(letter()).await;
    let error = refused.expect_err("no keys were given").to_string();
    assert!(error.contains("unique_by"), "{error}");
    let several = ["ada@example.com", "alan@example.com"].map(|to| {
        let opts = sidekiq::opts().unique_for(Duration::from_mins(1));
        opts.create_job("SendLetter".to_owned(), (to, 2))
            .expect("it is JSON")
    });
    bench
        .client
        .push_all(several)
        .await
        .expect_err("no keys were given");
    assert!(bench.queued().await.is_empty());
    let names: Vec<String> = bench.redis(&["KEYS", "sidekiq:unique:*"]).await;
    assert!(names.is_empty(), "{names:?}");

    // A readable kind has nothing to hide.
    let keyring = Keyring::new(new_key()).build().expect("it is sound");
    let hook = EncryptHook::builder(keyring)
        .default_policy(Policy::readable())
        .build();
    let client = EncryptClient::new(hook.expect("the hook is sound"), bench.redis.clone());
    for is_new in [true, false] {
        let jid = client.perform_async::<SendLetter, _>(letter()).await;
        assert_eq!(jid.expect("the server answers").is_some(), is_new);
    }
}

#[tokio::test]
async fn a_job_is_unique_by_a_keyed_hash_that_nobody_guesses() {
    let bench = Bench::with_new_key().await;
    let key = |first: u8| SecretKey::from(std::array::from_fn(|_| first));
    let soon = SystemTime::now() + Duration::from_hours(1);
    let keyed = |keys: UniqueKeys| bench.client.clone().unique_by(keys);
    let (old, both) = (
        keyed(UniqueKeys::new(key(1))),
        keyed(UniqueKeys::new(key(1)).succeeded_by(key(2), soon)),
    );
    let new = keyed(UniqueKeys::new(key(2)));
    let ada = ("ada@example.com".to_owned(), 2);
    let alan = ("alan@example.com".to_owned(), 2);
    // While the key changes over, a job is held against those under either, whoever stored it.
    for (client, args, is_new) in [
        (&old, &ada, true),
        (&old, &ada, false),
        (&both, &ada, false),
        (&new, &alan, true),
        (&both, &alan, false),
        (&old, &alan, true),
    ] {
        let jid = client.perform_async::<SendLetter, _>(args.clone()).await;
        assert_eq!(
            jid.expect("the server answers").is_some(),
            is_new,
            "{args:?}"
        );
    }
    let names: Vec<String> = bench.redis(&["KEYS", "sidekiq:unique:*"]).await;
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names.iter().all(|name| name.contains(":SendLetter:jcu1.")),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_job_that_could_not_be_sealed_keeps_no_other_out() {
    let bench = Bench::with_new_key().await;
    let failing = jobcrypt_testkit::FaultyEncryptor::after(0, new_key());
    let keyring = Keyring::new(failing).build().expect("it is sound");
    let hook = EncryptHook::builder(keyring).build();
    let client = EncryptClient::new(hook.expect("the hook is sound"), bench.redis.clone())
        .unique_by_plain_hash();
    let error = client.perform_async::<SendLetter, _>(letter()).await;
    let error = error.expect_err("it cannot be sealed").to_string();
    assert!(!error.contains("ada@"), "{error}");
    let client = bench.client.clone().unique_by_plain_hash();
    let jid = client.perform_async::<SendLetter, _>(letter()).await;
    assert!(jid.expect("the server answers").is_some());
}

#[tokio::test]
async fn a_scheduled_job_is_sealed_until_it_is_worked() {
    let mut bench = Bench::with_new_key().await;
    bench.processor.register(SendLetter);
    let hour = Duration::from_hours(1);
    let scheduled = bench
        .client
        .perform_in::<SendLetter, _>(hour, letter())
        .await;
    scheduled.expect("a sound job is stored");
    assert!(!bench.dump().await.contains("ada@"));
    let poller = sidekiq::Scheduled::new(bench.redis.clone());
    let due = poller
        .enqueue_jobs(Utc::now(), &vec!["schedule".to_owned()])
        .await;
    assert_eq!(due.expect("the server answers"), 0, "it is not due yet");
    bench.make_due().await;
    assert!(bench.work_one().await);
    assert!(bench.in_set("retry").await.is_empty());
}

#[tokio::test]
async fn a_periodic_job_is_sealed_and_registered_once_by_all_processes() {
    let mut bench = Bench::with_new_key().await;
    // Left from the time before.
    let plain = periodic::builder("0 0 * * * *")
        .expect("it is sound")
        .name("hourly");
    let plain = plain.args(letter()).expect("args are JSON");
    let plain = plain.register(&mut bench.processor, SendLetter).await;
    plain.expect("the server answers");

    let register = async |bench: &mut Bench| {
        let hourly = periodic::builder("0 0 * * * *").expect("it is sound");
        let sealed = bench
            .client
            .periodic::<SendLetter, _>(hourly, "hourly", letter())
            .await;
        let sealed = sealed.expect("it can be sealed");
        let registered = sealed.register(&mut bench.processor, SendLetter).await;
        registered.expect("the server answers");
    };
    register(&mut bench).await;
    let first: Vec<String> = bench.redis(&["ZRANGE", "periodic", "0", "-1"]).await;
    assert_eq!(first.len(), 1, "{first:?}");
    register(&mut bench).await;
    let second: Vec<String> = bench.redis(&["ZRANGE", "periodic", "0", "-1"]).await;
    assert_eq!(first, second, "what is registered stays as it is");
    assert!(!bench.dump().await.contains("ada@"));

    // Under a new key it is sealed anew, and registered once again.
    bench.hook.keys().rotate(new_key()).expect("the key is new");
    register(&mut bench).await;
    let moved: Vec<String> = bench.redis(&["ZRANGE", "periodic", "0", "-1"]).await;
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert_ne!(first, moved);

    let _: i64 = bench.redis(&["ZADD", "periodic", "0", &moved[0]]).await;
    let poller = sidekiq::Scheduled::new(bench.redis.clone());
    let due = poller.enqueue_periodic_jobs(Utc::now()).await;
    assert_eq!(due.expect("the server answers"), 1);
    assert!(bench.work_one().await);
    assert!(
        !bench.dump().await.contains("ada@"),
        "it was worked, and not retried"
    );
    assert!(bench.in_set("dead").await.is_empty());
}

#[tokio::test]
async fn processes_that_start_at_once_register_the_same_periodic_job() {
    let bench = Bench::with_new_key().await;
    let start = async || {
        let mut processor = bench.processor.clone();
        let hourly = periodic::builder("0 0 * * * *").expect("it is sound");
        let sealed = bench
            .client
            .periodic::<SendLetter, _>(hourly, "hourly", letter())
            .await;
        let sealed = sealed.expect("it can be sealed");
        let registered = sealed.register(&mut processor, SendLetter).await;
        registered.expect("the server answers");
    };
    tokio::join!(start(), start(), start());
    let registered: Vec<String> = bench.redis(&["ZRANGE", "periodic", "0", "-1"]).await;
    assert_eq!(registered.len(), 1, "{registered:?}");
}

#[tokio::test]
async fn names_get_the_namespace_of_the_pool() {
    let bench = Bench::with_new_key().await;
    let manager = sidekiq::RedisConnectionManager::new(bench.server.url());
    let namespaced = sidekiq::RedisPool::builder()
        .connection_customizer(sidekiq::with_custom_namespace("app".to_owned()))
        .build(manager.expect("the URL is sound"))
        .await
        .expect("the server answers");
    let client = EncryptClient::new(bench.hook.clone(), namespaced.clone());
    let jobs = [json!({"to": "ada@"}), json!([1, 2])].map(|args| {
        sidekiq::opts()
            .create_job("send_letter".to_owned(), args)
            .expect("it is JSON")
    });
    client.push_all(jobs).await.expect("sound jobs are stored");
    let queued: Vec<String> = bench
        .redis(&["LRANGE", "app:queue:default", "0", "-1"])
        .await;
    assert_eq!(queued.len(), 2);

    let _: i64 = bench
        .redis(&["ZADD", "app:jobcrypt:parked", "1", &queued[0]])
        .await;
    let parked = jobcrypt_sidekiq::ParkedJobs::new(namespaced);
    assert_eq!(parked.put_back_all().await.expect("the server answers"), 1);
    let queued: i64 = bench.redis(&["LLEN", "app:queue:default"]).await;
    assert_eq!(queued, 3);
}
