use std::fmt::Write;

use crate::fault::Fault;

/// Returns the page of the documentation.
pub(crate) fn of(faults: &[&[Fault]]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for Fault { what, outcome, .. } in faults.iter().copied().flatten() {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| {what} | {outcome} |");
    }
    page
}

const INTRODUCTION: &str = "\
# Faults

What was tried on keys that rotate and on jobs that move, and what comes of it. Every line happens in every run of the
tests, to the command `jobcrypt` itself: real signals, real files, River's tables on PostgreSQL and on SQLite. `cargo xtask faults`
lets them all happen again and writes this page.

| what goes wrong | what comes of it |
|---|---|
";
