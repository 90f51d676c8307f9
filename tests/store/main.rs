//! Stored jobs: counted, moved, shown and put back, on SQLite and on PostgreSQL.

mod between_writes;
mod counting;
mod doctor;
mod malformed;
mod migrating;
mod odd_tables;
mod operating;
mod other_tables;
mod sinks;
mod within;
