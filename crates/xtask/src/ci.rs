use std::{io, time::Instant};

use crate::{
    cargo::{announce, exit_code},
    feature_checks, requirements, test,
};

/// Nothing here is built twice, so what makes a second time faster would only cost.
const ONCE: (&str, &str) = ("CARGO_INCREMENTAL", "0");

/// Runs all checks and then the tests. Stops at the first that fails and returns its exit code.
pub(crate) fn run() -> io::Result<u8> {
    // What is missing should show now, not after the checks.
    let python = requirements::python_after_all_are_met()?;

    // In this order each check finds the dependencies as the one before has left them.
    let all_features = feature_checks::all_features(&[])?;
    let with_all_features = |line| {
        let mut words = words(line);
        words.insert(2, all_features.clone());
        words
    };
    let mut checks = vec![
        ("format", words("fmt --all --check")),
        (
            "lints",
            with_all_features("clippy --quiet --workspace --all-targets -- -D warnings"),
        ),
        (
            "docs",
            with_all_features("doc --quiet --workspace --no-deps"),
        ),
    ];
    for selection in feature_checks::selections()? {
        let of = |begin, end| [words(begin), selection.arguments.clone(), words(end)].concat();
        // The libraries alone: with what their tests stand on, cargo would compile the same dependencies in many forms.
        let lints = of("clippy --quiet --lib", "-- -D warnings");
        checks.push(("features", lints));
        if selection.is_tested {
            checks.push(("features", of("test --quiet", "")));
        }
    }

    for (what, arguments) in checks {
        let mut check = announce(what, &arguments);
        // Nothing here is built twice, so what would make the second time faster only costs.
        check
            .env("CARGO_INCREMENTAL", "0")
            .env("RUSTDOCFLAGS", "-D warnings");
        let begin = Instant::now();
        let code = exit_code(&mut check)?;
        println!("took      {} s", begin.elapsed().as_secs());
        if code != 0 {
            eprintln!("failed    cargo {}", arguments.join(" "));
            return Ok(code);
        }
    }
    test::run_in(&python, &[], &[ONCE])
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(ToOwned::to_owned).collect()
}
