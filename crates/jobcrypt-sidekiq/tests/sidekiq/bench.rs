//! A Redis server, a processor with one worker for every class that the tests use, and a look at what is
//! stored.

use std::{
    env,
    fmt::Write,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
use jobcrypt_sidekiq::{EncryptClient, EncryptMiddleware, Exact, ParkedJobs};
use jobcrypt_testkit::{RedisServer, Worker as Told};
use serde_json::value::RawValue;
use sidekiq::{
    Job, Processor, RedisConnectionManager, RedisPool, Worker,
    periodic::Utc,
    redis_rs::{self, FromRedisValue},
};

pub(crate) const QUEUE: &str = "default";
/// rusty-sidekiq's lists and sets of jobs, and ours.
pub(crate) const SETS: [&str; 4] = ["schedule", "retry", "dead", jobcrypt_sidekiq::PARKED];

pub(crate) struct Bench {
    pub(crate) client: EncryptClient,
    pub(crate) hook: EncryptHook,
    pub(crate) parked: ParkedJobs,
    pub(crate) processor: Processor,
    pub(crate) redis: RedisPool,
    pub(crate) seen: Arc<Seen>,
    pub(crate) server: RedisServer,
}

/// What the worker got, and what it is told to do.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) args: Mutex<Vec<(String, String)>>,
    pub(crate) told: Mutex<Option<Told>>,
}

macro_rules! workers {
    ($($worker:ident $class:literal),+) => {
        $(
            pub(crate) struct $worker(pub(crate) Arc<Seen>);

            #[async_trait]
            impl Worker<Exact<Box<RawValue>>> for $worker {
                fn class_name() -> String {
                    $class.to_owned()
                }

                async fn perform(&self, Exact(args): Exact<Box<RawValue>>) -> sidekiq::Result<()> {
                    self.0.work($class, args.get())
                }
            }
        )+

        fn register(processor: &mut Processor, seen: &Arc<Seen>) {
            $(processor.register($worker(Arc::clone(seen)));)+
        }
    };
}

workers!(
    ChargeCard "charge_card",
    SendInvoice "send_invoice",
    RebuildIndex "rebuild_index",
    SyncMailbox "sync_mailbox"
);

impl Seen {
    fn work(&self, class: &str, args: &str) -> sidekiq::Result<()> {
        let seen = (class.to_owned(), args.to_owned());
        self.args.lock().expect("no test panics in here").push(seen);
        match *self.told.lock().expect("no test panics in here") {
            Some(Told::Fails) => Err(sidekiq::Error::Message("declined".to_owned())),
            _ => Ok(()),
        }
    }

    pub(crate) fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.args.lock().expect("no test panics in here"))
    }
}

impl Bench {
    pub(crate) async fn new(hook: EncryptHook) -> Self {
        let server = RedisServer::start(&env::temp_dir()).expect("a Redis server starts");
        let redis = pool(&server).await;
        let mut processor = Processor::new(redis.clone(), vec![QUEUE.to_owned()]);
        let seen = Arc::new(Seen::default());
        register(&mut processor, &seen);
        processor.using(EncryptMiddleware::new(hook.clone())).await;
        Self {
            client: EncryptClient::new(hook.clone(), redis.clone()),
            hook,
            parked: ParkedJobs::new(redis.clone()),
            processor,
            redis,
            seen,
            server,
        }
    }

    pub(crate) async fn with_new_key() -> Self {
        let keyring = Keyring::new(new_key()).build();
        let hook = EncryptHook::builder(keyring.expect("a new key is sound")).build();
        Self::new(hook.expect("the hook is sound")).await
    }

    pub(crate) async fn redis<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut connection = self.redis.get().await.expect("the server answers");
        let mut call = redis_rs::cmd(command[0]);
        call.arg(&command[1..]);
        let answer = call.query_async(connection.unnamespaced_borrow_mut()).await;
        answer.expect("the server answers")
    }

    /// Puts JSON into the queue, past all that is ours.
    pub(crate) async fn plant(&self, job: &str) {
        let _: i64 = self.redis(&["LPUSH", "queue:default", job]).await;
    }

    pub(crate) async fn queued(&self) -> Vec<Job> {
        parsed(
            &self
                .redis::<Vec<String>>(&["LRANGE", "queue:default", "0", "-1"])
                .await,
        )
    }

    pub(crate) async fn in_set(&self, set: &str) -> Vec<Job> {
        parsed(&self.redis::<Vec<String>>(&["ZRANGE", set, "0", "-1"]).await)
    }

    /// Works one job that is due, or none. rusty-sidekiq itself waits for 2 seconds for one.
    pub(crate) async fn work_one(&mut self) -> bool {
        if self.queued().await.is_empty() {
            return false;
        }
        let worked = self.processor.process_one_tick_once().await;
        worked.expect("no job may stop the processor");
        true
    }

    /// Makes due what waits in Sidekiq's sets, and lets rusty-sidekiq put it into its queue.
    pub(crate) async fn make_due(&self) {
        for set in ["schedule", "retry"] {
            for job in self.redis::<Vec<String>>(&["ZRANGE", set, "0", "-1"]).await {
                let _: i64 = self.redis(&["ZADD", set, "0", &job]).await;
            }
        }
        let sets = ["schedule", "retry"].map(ToOwned::to_owned).to_vec();
        let poller = sidekiq::Scheduled::new(self.redis.clone());
        let moved = poller.enqueue_jobs(Utc::now(), &sets).await;
        moved.expect("the server answers");
    }

    /// All that the server holds, as text.
    pub(crate) async fn dump(&self) -> String {
        let mut dump = String::new();
        for key in self.redis::<Vec<String>>(&["KEYS", "*"]).await {
            let read = match self.redis::<String>(&["TYPE", &key]).await.as_str() {
                "list" => vec!["LRANGE", &key, "0", "-1"],
                "zset" => vec!["ZRANGE", &key, "0", "-1"],
                "set" => vec!["SMEMBERS", &key],
                "hash" => vec!["HGETALL", &key],
                _ => vec!["GET", &key],
            };
            let values: Vec<String> = match read[0] {
                "GET" => vec![self.redis(&read).await],
                _ => self.redis(&read).await,
            };
            writeln!(dump, "{key}: {values:?}").expect("a String takes it");
        }
        dump
    }
}

pub(crate) async fn pool(server: &RedisServer) -> RedisPool {
    let manager = RedisConnectionManager::new(server.url()).expect("the URL is sound");
    let pool = RedisPool::builder().build(manager).await;
    pool.expect("the server accepts connections")
}

pub(crate) fn new_key() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(SecretKey::generate().expect("the system has random bytes"))
}

fn parsed(jobs: &[String]) -> Vec<Job> {
    let jobs = jobs.iter().map(|job| serde_json::from_str(job));
    jobs.collect::<Result<_, _>>().expect("a job is JSON")
}
