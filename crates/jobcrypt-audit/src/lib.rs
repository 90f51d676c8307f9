#![doc = include_str!("../README.md")]

mod chain;
mod checkpoint;
mod json_lines;
mod line;
#[cfg(feature = "metrics")]
mod metrics;
mod queue;
mod target;
mod verify;
mod when_full;
mod writer;

#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
pub use checkpoint::Checkpoint;
pub use json_lines::{JsonLines, JsonLinesBuilder};
pub use verify::{Chain, Fault, FaultKind, Report, verify};
pub use when_full::WhenFull;
