use ::redis::{Script, aio::ConnectionLike};
use apalis_core::{backend::BackendConfig, error::BoxDynError};
use apalis_redis::{Config, RedisStorage};
use futures_util::FutureExt;

use crate::{
    Store,
    refusal::{Fate, REASON, Refuse, Refused, WAITING, now},
    store::is_ours::IsOurs,
};

impl<A, C> IsOurs for RedisStorage<A, C>
where
    A: Unpin + Send + Sync + 'static,
    C: ConnectionLike + Clone + Unpin + Send + Sync + 'static,
{
}

impl<A, C> Store for RedisStorage<A, C>
where
    A: Unpin + Send + Sync + 'static,
    C: ConnectionLike + Clone + Unpin + Send + Sync + 'static,
{
    fn in_queue(self, kind: &str) -> Self {
        let config = self.config().clone().queue(kind);
        self.with_config(config)
    }

    fn refuse(&self) -> Refuse {
        let config = self.config().clone();
        let connection = self.clone().get_connection().clone();
        Refuse::new(move |refused| write(connection.clone(), config.clone(), refused).boxed())
    }
}

/// The sorted set of the jobs that are parked, by when they were.
fn parked(config: &Config) -> String {
    format!("{}:parked", config.queue.as_ref())
}

/// Nothing of it touches the job's data or attempts. A job that its worker lost meanwhile stays as it is.
const GIVE_BACK: &str = "
    local inflight, scheduled, parked, active, meta = unpack(KEYS)
    local id, fate, due, reason, waiting, key, why = unpack(ARGV)
    if fate == 'opened' then
        redis.call('HDEL', meta, key, why)
        return 1
    end
    if redis.call('SREM', inflight, id) == 0 then
        return 0
    end
    redis.call('HSET', meta, 'status', 'Pending')
    redis.call('HDEL', meta, 'locked_at', 'locked_by', key)
    if fate == 'waits' then
        redis.call('HSET', meta, key, waiting, why, reason)
        redis.call('ZADD', scheduled, due, id)
    elseif fate == 'parks' then
        redis.call('HSET', meta, why, reason)
        redis.call('ZADD', parked, due, id)
    else
        redis.call('LPUSH', active, id)
    end
    return 1";

async fn write<C: ConnectionLike>(
    mut connection: C,
    config: Config,
    refused: Refused,
) -> Result<(), BoxDynError> {
    let (fate, due) = match refused.fate {
        Fate::Opened => ("opened", 0),
        Fate::Parks { .. } => ("parks", now()),
        Fate::Returns => ("returns", 0),
        Fate::Waits { due, .. } => ("waits", due),
    };
    let script = Script::new(GIVE_BACK);
    let mut call = script.key(format!("{}:{}", config.inflight_jobs_set(), refused.worker));
    call.key(config.scheduled_jobs_set())
        .key(parked(&config))
        .key(config.active_jobs_list())
        .key(format!("{}:{}", config.job_meta_hash(), refused.id))
        .arg(&refused.id)
        .arg(fate)
        .arg(due)
        .arg(refused.note().unwrap_or_default())
        .arg(refused.waiting().unwrap_or_default())
        .arg(WAITING)
        .arg(REASON);
    let _: i64 = call.invoke_async(&mut connection).await?;
    Ok(())
}
