//! Nothing but the benchmarks beside it: `cargo xtask bench`.
