//! The vault from outside: what it holds, what it refuses, what becomes of its file.

mod auditing;
mod bench;
mod environment;
mod files;
mod format;
mod full_disk;
mod git;
mod killed;
mod merging;
mod python;
mod rotation;
mod tampering;
mod values;
