//! Jobs through rusty-sidekiq, on a real Redis server.

mod bench;
mod conformance;
mod failures;
mod passage;
mod ruby;
mod upstream;
mod words;
