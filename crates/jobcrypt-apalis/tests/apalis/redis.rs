use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ::redis::{AsyncCommands as _, aio::ConnectionManager};
use apalis_redis::{Config, RedisStorage};
use async_trait::async_trait;
use jobcrypt_testkit::RedisServer;
use serde_json::json;

use crate::bench::{Args, Engine, HEARTBEAT, Row, documented};

/// A server of its own.
pub(crate) struct Redis {
    connection: ConnectionManager,
    server: RedisServer,
}

/// Longer than anything here waits.
const HELD: f64 = 1e12;

impl Redis {
    pub(crate) fn typed<A>(&self) -> RedisStorage<A> {
        RedisStorage::new(self.connection.clone())
    }

    async fn keys(&self, pattern: &str) -> Vec<String> {
        let mut keys: Vec<String> = self
            .connection
            .clone()
            .keys(pattern)
            .await
            .expect("it answers");
        keys.sort();
        keys
    }

    async fn kinds(&self) -> Vec<String> {
        let keys = self.keys("*:data").await.into_iter();
        keys.map(|key| key.trim_end_matches(":data").to_owned())
            .collect()
    }

    async fn kind_of(&self, id: &str) -> String {
        let rows = self.rows().await.into_iter();
        rows.filter(|row| row.id == id)
            .map(|row| row.kind)
            .next()
            .expect("it is there")
    }

    /// Has a job due at this time, wherever it stands.
    async fn due_at(&self, id: &str, time: f64) {
        let kind = self.kind_of(id).await;
        let mut connection = self.connection.clone();
        let _: () = connection
            .lrem(format!("{kind}:active"), 0, id)
            .await
            .expect("it answers");
        let scheduled = format!("{kind}:scheduled");
        let _: () = connection
            .zadd(scheduled, id, time)
            .await
            .expect("it answers");
    }

    async fn shift(&self, id: &str, by: f64) {
        let scheduled = format!("{}:scheduled", self.kind_of(id).await);
        let mut connection = self.connection.clone();
        let score: Option<f64> = connection.zscore(scheduled, id).await.expect("it answers");
        self.due_at(id, score.unwrap_or_default() + by).await;
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("1970 is over").as_secs_f64()
}

#[async_trait]
impl Engine for Redis {
    type Storage = RedisStorage<Args>;

    async fn start() -> Self {
        let server = RedisServer::start(&std::env::temp_dir()).expect("Redis starts");
        let connection = apalis_redis::connect(server.url())
            .await
            .expect("it lets us in");
        Self { connection, server }
    }

    fn storage(&self, _: &str) -> Self::Storage {
        // Without a time, apalis forgets idempotency keys at once.
        let config = Config::default()
            .batch_size(1)
            .idempotency_ttl(Some(Duration::from_hours(1)));
        RedisStorage::new(self.connection.clone()).with_config(config)
    }

    async fn watched_storage(url: &str) -> Self::Storage {
        let connection = apalis_redis::connect(url).await.expect("it lets us in");
        RedisStorage::new(connection).with_config(Config::default().heartbeat_interval(HEARTBEAT))
    }

    fn url(&self) -> String {
        self.server.url()
    }

    async fn rows(&self) -> Vec<Row> {
        let mut connection = self.connection.clone();
        let mut rows = Vec::new();
        for kind in self.kinds().await {
            let data = connection.hgetall(format!("{kind}:data")).await;
            let data: HashMap<String, String> = data.expect("it answers");
            for (id, args) in data {
                let meta = connection.hgetall(format!("{kind}:meta:{id}")).await;
                let meta: HashMap<String, String> = meta.expect("it answers");
                let of = |key: &str| meta.get(key).cloned().unwrap_or_default();
                let score = connection.zscore(format!("{kind}:scheduled"), &id).await;
                let score: Option<f64> = score.expect("it answers");
                let result = match meta.get("jobcrypt.reason") {
                    Some(reason) => json!({ "Err": reason }).to_string(),
                    None => of("result"),
                };
                #[expect(clippy::cast_possible_truncation, reason = "seconds")]
                let due_in = (score.unwrap_or_default() - now()).ceil() as i64;
                rows.push(Row {
                    kind: kind.clone(),
                    args,
                    status: of("status"),
                    attempts: of("attempts").parse().expect("a number"),
                    due_in,
                    result,
                    id,
                });
            }
        }
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        rows
    }

    async fn due(&self) -> Vec<String> {
        let mut connection = self.connection.clone();
        let mut due = Vec::new();
        for kind in self.kinds().await {
            let active: Vec<String> = connection
                .lrange(format!("{kind}:active"), 0, -1)
                .await
                .expect("it answers");
            let scheduled = connection.zrangebyscore(format!("{kind}:scheduled"), 0, now());
            let scheduled: Vec<String> = scheduled.await.expect("it answers");
            due.extend(active.into_iter().chain(scheduled));
        }
        due
    }

    async fn put_first(&self, id: &str) {
        self.due_at(id, 0.0).await;
    }

    async fn hold(&self, ids: &[String]) {
        for id in ids {
            self.shift(id, HELD).await;
        }
    }

    async fn free(&self, ids: &[String]) {
        for id in ids {
            self.shift(id, -HELD).await;
        }
    }

    async fn remove(&self, id: &str) {
        let kind = self.kind_of(id).await;
        let mut connection = self.connection.clone();
        let mut pipe = ::redis::pipe();
        pipe.hdel(format!("{kind}:data"), id)
            .del(format!("{kind}:meta:{id}"))
            .lrem(format!("{kind}:active"), 0, id)
            .zrem(format!("{kind}:scheduled"), id)
            .srem(format!("{kind}:done"), id);
        for inflight in self.keys(&format!("{kind}:inflight:*")).await {
            pipe.srem(inflight, id);
        }
        let _: () = pipe.query_async(&mut connection).await.expect("it answers");
    }

    async fn make_due(&self) {
        for kind in self.kinds().await {
            let scheduled = self
                .connection
                .clone()
                .zrange(format!("{kind}:scheduled"), 0, -1)
                .await;
            let scheduled: Vec<String> = scheduled.expect("it answers");
            for id in scheduled {
                self.due_at(&id, 1.0).await;
            }
        }
    }

    async fn put_back(&self) {
        for kind in self.kinds().await {
            // On a connection of its own, as in `redis-cli`: what begins by MULTI is the connection's.
            let client = ::redis::Client::open(self.server.url()).expect("it is a URL");
            let mut connection = client.get_connection().expect("it lets us in");
            for line in documented("MULTI").trim().lines() {
                let words = line.split_whitespace();
                let mut words = words.map(|word| word.replace("charge_card", &kind));
                let mut command = ::redis::cmd(&words.next().expect("a line is a command"));
                command.arg(words.collect::<Vec<_>>());
                let done: Result<::redis::Value, _> = command.query(&mut connection);
                done.expect("the server takes it");
            }
        }
    }

    async fn dump(&self) -> Vec<u8> {
        self.server.dump().expect("the server dumps what it holds")
    }
}
