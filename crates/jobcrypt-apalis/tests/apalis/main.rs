//! Jobs through apalis, on SQLite files and on a real PostgreSQL and Redis.

mod bench;
mod conformance;
mod failures;
mod killed_worker;
mod passage;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod results;
mod sqlite;
mod status;
mod upstream;
mod workflows;
