//! Jobs through graphile_worker, on a real PostgreSQL server.

mod bed;
mod conformance;
mod failures;
mod passage;
mod upstream;
