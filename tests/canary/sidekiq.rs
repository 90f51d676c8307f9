//! The ways of a job through rusty-sidekiq, the client and the middleware.

use std::{
    env,
    fmt::Write as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use jobcrypt::{
    ciphers::XChaCha20Poly1305,
    sidekiq::{EncryptClient, EncryptMiddleware, Exact, ParkedJobs},
};
use jobcrypt_testkit::{FaultyEncryptor, RedisServer};
use serde_json::{Value, json, value::RawValue};
use sidekiq::{
    EnqueueOpts, Processor, RedisConnectionManager, RedisPool, Worker, periodic,
    periodic::Utc,
    redis_rs::{self, FromRedisValue},
};
use workbench::{SyncMailbox, build, builder, keyring};

use crate::{
    CANARY,
    stage::{Left, Off, Process, Stage},
};

/// Does what the args say.
struct Charge {
    has_failed: AtomicBool,
}

#[async_trait]
impl Worker<Exact<Box<RawValue>>> for Charge {
    fn class_name() -> String {
        "charge_card".to_owned()
    }

    async fn perform(&self, Exact(args): Exact<Box<RawValue>>) -> sidekiq::Result<()> {
        let args: Value = serde_json::from_str(args.get())?;
        let password = args["password"].as_str().unwrap_or_default();
        assert_eq!(password, CANARY, "the worker gets what was enqueued");
        match args["do"].as_str().unwrap_or_default() {
            "retry" if !self.has_failed.swap(true, Ordering::Relaxed) => {
                Err(sidekiq::Error::Message(format!("not yet with {password}")))
            }
            "fail" => Err(sidekiq::Error::Any(
                format!("the service refused {password}").into(),
            )),
            "panic" => panic!("no such account: {password}"),
            _ => Ok(()),
        }
    }
}

macro_rules! idle {
    ($($worker:ident of $args:ty: $class:literal;)+) => {$(
        struct $worker;

        #[async_trait]
        impl Worker<$args> for $worker {
            fn class_name() -> String {
                $class.to_owned()
            }

            async fn perform(&self, _: $args) -> sidekiq::Result<()> {
                Ok(())
            }
        }
    )+};
}

idle! {
    Invoice of Value: "send_invoice";
    Mailbox of SyncMailbox: "sync_mailbox";
}

struct Site {
    client: EncryptClient,
    processor: Processor,
    redis: RedisPool,
    server: RedisServer,
}

/// Drives jobs; returns where the canary or a key then shows.
pub(crate) async fn drive(process: &Process, off: Off) -> Vec<String> {
    let mut stage = Stage::new(off);
    let mut texts = stage.said();
    let mut site = Site::start(&stage, off).await;
    texts.push(format!("{:?}", site.client));

    let of = |what: &str| json!({"do": what, "password": CANARY});
    // Worked, tried again, refused for good with an error and with a panic, which ends the task that works it.
    for what in ["complete", "retry", "fail", "panic"] {
        let opts = sidekiq::opts().retry(usize::from(what == "retry"));
        site.push(&opts, of(what)).await;
        texts.extend(site.work_all().await);
        if what == "retry" {
            assert_eq!(site.count("ZCARD", "retry").await, 1);
            site.make_due().await;
            texts.extend(site.work_all().await);
            assert_eq!(site.count("ZCARD", "retry").await, 0);
        }
    }
    assert_eq!(site.count("ZCARD", "dead").await, 1, "one failed for good");
    // Unique, and met again; scheduled; many at once; periodic.
    let unique = sidekiq::opts().unique_for(Duration::from_mins(1));
    stage.hide_hash_of(&json!([of("unique")]).to_string());
    for is_new in [true, false] {
        let pushed = site.client.push(&unique, "charge_card", of("unique")).await;
        assert_eq!(pushed.expect("it is sealed").is_some(), is_new);
    }
    let hour = Duration::from_hours(1);
    let opts = sidekiq::opts();
    let scheduled = site
        .client
        .push_in(&opts, "charge_card", hour, of("scheduled"))
        .await;
    scheduled.expect("it is sealed");
    let many = [of("many"), of("many")].map(|args| {
        let job = opts.create_job("charge_card".to_owned(), args);
        job.expect("it is JSON")
    });
    let pushed = site.client.push_all(many).await;
    pushed.expect("they are sealed");
    site.register_periodic().await;
    texts.extend(site.work_all().await);

    for (kind, stored) in stage.planted() {
        site.plant(kind, &stored).await;
        texts.extend(site.work_all().await);
    }
    let parked = ParkedJobs::new(site.redis.clone());
    assert_eq!(parked.list().await.expect("the server answers").len(), 3);
    texts.push(format!("{parked:?}"));
    if off == Off::Nothing {
        texts.extend(refusals(&site, &stage).await);
    }
    let keys = site.keys().await;
    // But for the token of the periodic job, which rusty-sidekiq logs when it is registered.
    let jobs = keys
        .lines()
        .filter(|line| !line.starts_with("jobcrypt:periodic: "));
    let args = jobs.flat_map(|line| line.split(r#"river_encrypt\":\""#).skip(1));
    let args = args.filter(|it| it.starts_with("jc1."));
    let left = Left {
        texts: texts.join("\n"),
        args: args.map(ToOwned::to_owned).collect(),
        store: format!("{keys}{}", site.file()),
        ..Left::default()
    };
    stage.found(process, left, off).await
}

impl Site {
    async fn start(stage: &Stage, off: Off) -> Self {
        let server = RedisServer::start(&env::temp_dir()).expect("a Redis server starts");
        let manager = RedisConnectionManager::new(server.url()).expect("the URL is sound");
        let redis = RedisPool::builder().build(manager).await;
        let redis = redis.expect("the server accepts connections");
        let mut processor = Processor::new(redis.clone(), vec!["default".to_owned()]);
        let has_failed = AtomicBool::new(false);
        processor.register(Charge { has_failed });
        processor.register(Invoice);
        processor.register(Mailbox);
        let middleware = EncryptMiddleware::new(stage.hook.clone());
        let middleware = match off {
            Off::Errors => middleware.readable_errors(),
            _ => middleware,
        };
        processor.using(middleware).await;
        let client = EncryptClient::new(stage.hook.clone(), redis.clone());
        let client = match off {
            Off::Hashes => client.unique_by_plain_hash(),
            _ => client.unique_by(std::sync::Arc::clone(&stage.unique)),
        };
        Self {
            client,
            processor,
            redis,
            server,
        }
    }

    async fn push(&self, opts: &EnqueueOpts, args: Value) {
        let pushed = self.client.push(opts, "charge_card", args).await;
        assert!(pushed.expect("it is sealed").is_some());
    }

    /// Works until nothing is due; returns what rusty-sidekiq logs of tasks that panicked.
    async fn work_all(&self) -> Option<String> {
        let mut panics = None;
        while self.count("LLEN", "queue:default").await > 0 {
            let mut processor = self.processor.clone();
            let worked = tokio::spawn(async move {
                let worked = processor.process_one_tick_once().await;
                worked.expect("no job may stop the processor");
            });
            if let Err(panic) = worked.await {
                panics = Some(panic.to_string());
            }
        }
        panics
    }

    async fn make_due(&self) {
        for job in self
            .redis::<Vec<String>>(&["ZRANGE", "retry", "0", "-1"])
            .await
        {
            let _: i64 = self.redis(&["ZADD", "retry", "0", &job]).await;
        }
        let poller = sidekiq::Scheduled::new(self.redis.clone());
        let moved = poller
            .enqueue_jobs(Utc::now(), &vec!["retry".to_owned()])
            .await;
        assert_eq!(moved.expect("the server answers"), 1);
    }

    async fn register_periodic(&mut self) {
        let hourly = periodic::builder("0 0 * * * *").expect("it is sound");
        let mailbox = SyncMailbox {
            address: "a".to_owned(),
            password: CANARY.to_owned(),
            port: 1,
        };
        let sealed = self
            .client
            .periodic::<Mailbox, _>(hourly, "hourly", mailbox)
            .await;
        let sealed = sealed.expect("it is sealed");
        let registered = sealed.register(&mut self.processor, Mailbox).await;
        registered.expect("the server answers");
        let registered: Vec<String> = self.redis(&["ZRANGE", "periodic", "0", "-1"]).await;
        let _: i64 = self.redis(&["ZADD", "periodic", "0", &registered[0]]).await;
        let poller = sidekiq::Scheduled::new(self.redis.clone());
        let due = poller.enqueue_periodic_jobs(Utc::now()).await;
        assert_eq!(due.expect("the server answers"), 1);
    }

    /// Puts a job into the queue as another client or an intruder would.
    async fn plant(&self, class: &str, args: &str) {
        let args: Value = serde_json::from_str(args).expect("it is JSON");
        let job = sidekiq::opts().create_job(class.to_owned(), args);
        let job = serde_json::to_string(&job.expect("it is a job")).expect("a job is JSON");
        let _: i64 = self.redis(&["LPUSH", "queue:default", &job]).await;
    }

    async fn count(&self, command: &str, key: &str) -> i64 {
        self.redis(&[command, key]).await
    }

    async fn redis<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut connection = self.redis.get().await.expect("the server answers");
        let mut call = redis_rs::cmd(command[0]);
        call.arg(&command[1..]);
        let answer = call.query_async(connection.unnamespaced_borrow_mut()).await;
        answer.expect("the server answers")
    }

    /// Every key with what it holds.
    async fn keys(&self) -> String {
        let mut keys = String::new();
        for key in self.redis::<Vec<String>>(&["KEYS", "*"]).await {
            let read = match self.redis::<String>(&["TYPE", &key]).await.as_str() {
                "list" => vec!["LRANGE", &key, "0", "-1"],
                "zset" => vec!["ZRANGE", &key, "0", "-1"],
                "set" => vec!["SMEMBERS", &key],
                "hash" => vec!["HGETALL", &key],
                _ => vec!["MGET", &key],
            };
            let values: Vec<String> = self.redis(&read).await;
            // Writing to a string cannot fail.
            let _ = writeln!(keys, "{key}: {values:?}");
        }
        keys
    }

    /// What the server writes on its disk.
    fn file(&self) -> String {
        let file = self.server.dump().expect("the server writes it");
        String::from_utf8_lossy(&file).into_owned()
    }
}

/// What is said of jobs that must not be enqueued.
async fn refusals(site: &Site, stage: &Stage) -> Vec<String> {
    let args = || json!({"password": CANARY});
    let faulty = FaultyEncryptor::after(0, XChaCha20Poly1305::new(stage.key(0)));
    let faulty = EncryptClient::new(build(builder(keyring(faulty))), site.redis.clone());
    let unkeyed = EncryptClient::new(stage.hook.clone(), site.redis.clone());
    let unique = sidekiq::opts().unique_for(Duration::from_mins(1));
    let refused = [
        faulty.push(&sidekiq::opts(), "charge_card", args()).await,
        site.client
            .push(
                &sidekiq::opts(),
                "rebuild_index",
                json!({"river_encrypt": CANARY}),
            )
            .await,
        unkeyed.push(&unique, "charge_card", args()).await,
    ];
    let text = |refused: sidekiq::Result<Option<String>>| {
        let error = refused.expect_err("it cannot be stored");
        format!("{error} {error:?}")
    };
    refused.map(text).into()
}
