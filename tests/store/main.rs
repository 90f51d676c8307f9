//! Stored jobs: counted, moved, shown and put back, on SQLite and on PostgreSQL.

mod counting;
mod doctor;
mod migrating;
mod odd_tables;
mod operating;
mod other_tables;
mod sinks;
mod within;
