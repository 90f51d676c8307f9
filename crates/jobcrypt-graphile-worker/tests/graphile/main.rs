//! Jobs through graphile_worker, on a real PostgreSQL server.

mod bed;
mod conformance;
mod cron;
mod failures;
mod killed_worker;
mod passage;
mod telemetry;
mod upstream;
