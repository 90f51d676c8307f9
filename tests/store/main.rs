//! Stored jobs: counted, moved, shown and put back, on SQLite and on PostgreSQL.

mod counting;
mod migrating;
mod odd_tables;
mod operating;
mod other_tables;
mod sinks;
