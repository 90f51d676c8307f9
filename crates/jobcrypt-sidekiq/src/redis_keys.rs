//! What is where in Redis. Each name gets the pool's namespace in front.

use sidekiq::{RedisConnection, redis_rs};

/// The sorted set of the jobs that are parked, by when they were.
pub const PARKED: &str = "jobcrypt:parked";

/// The envelope of each periodic job's args, so that all processes register the same.
pub(crate) const PERIODIC_ARGS: &str = "jobcrypt:periodic";

/// Sidekiq's own.
pub(crate) const DEAD: &str = "dead";
pub(crate) const PERIODIC: &str = "periodic";
pub(crate) const QUEUES: &str = "queues";
pub(crate) const SCHEDULE: &str = "schedule";

pub(crate) fn of_queue(queue: &str) -> String {
    format!("queue:{queue}")
}

/// Returns the name as Redis sees it. The connection puts its namespace in front of keys itself, but only
/// of commands with one of them.
pub(crate) fn whole(connection: &mut RedisConnection, name: &str) -> Vec<u8> {
    let command = connection.cmd_with_key("TYPE", name.to_owned());
    let last = command.args_iter().last();
    match last {
        Some(redis_rs::Arg::Simple(key)) => key.to_vec(),
        _ => name.as_bytes().to_vec(),
    }
}
