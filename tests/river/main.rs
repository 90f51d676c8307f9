//! The plugin against River itself, on SQLite and on PostgreSQL.

mod composition;
mod conformance;
mod drain;
mod failures;
mod fields;
mod keys;
mod leaks;
mod passage;
mod spans;
