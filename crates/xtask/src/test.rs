use std::{env, io, path::Path};

use jobcrypt_testkit::PostgresServer;

use crate::{
    cargo::{announce, exit_code},
    feature_checks,
    queues::Outcomes,
    requirements,
};

/// Runs the tests with what they need and returns the exit code of `cargo test`.
pub(crate) fn run(arguments: &[String]) -> io::Result<u8> {
    let python = requirements::python_after_all_are_met()?;
    run_in(&python, arguments, &[])
}

/// Runs one of the tests that compare a page of the documentation with what happens, and lets it write it.
pub(crate) fn run_writing(arguments: &[&str]) -> io::Result<u8> {
    let python = requirements::python_after_all_are_met()?;
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    run_in(&python, &arguments, &[("JOBCRYPT_WRITE_FAULTS", "yes")])
}

/// Runs the tests with these variables too, and compares what they find out about queues with its page.
pub(crate) fn run_in(
    python: &Path,
    arguments: &[String],
    variables: &[(&str, &str)],
) -> io::Result<u8> {
    let outcomes = Outcomes::new()?;
    match run_recording(python, arguments, variables, &outcomes)? {
        0 => outcomes.compare(arguments.is_empty()),
        code => Ok(code),
    }
}

/// Runs the tests, which write down what they find out about queues.
pub(crate) fn run_recording(
    python: &Path,
    arguments: &[String],
    variables: &[(&str, &str)],
    outcomes: &Outcomes,
) -> io::Result<u8> {
    let all_features = feature_checks::all_features(&chosen_packages(arguments))?;
    let postgres = PostgresServer::start(&env::temp_dir())?;
    println!("postgres  {}", postgres.url());
    println!("python    {}", python.display());
    exit_code(
        announce("test", &cargo_arguments(&all_features, arguments))
            .envs(variables.iter().copied())
            .env("JOBCRYPT_QUEUE_OUTCOMES", outcomes.folder())
            .env("JOBCRYPT_TEST_FEATURES", &all_features)
            .env("JOBCRYPT_TEST_POSTGRES", postgres.url())
            .env("JOBCRYPT_TEST_PYTHON", python),
    )
}

fn cargo_arguments<'a>(all_features: &'a str, more: &'a [String]) -> Vec<&'a str> {
    let mut arguments = vec!["test"];
    if chosen_packages(more).is_empty() {
        arguments.push("--workspace");
    }
    arguments.push(all_features);
    arguments.extend(more.iter().map(String::as_str));
    arguments
}

/// The packages that are named; cargo ignores them beside `--workspace`.
fn chosen_packages(arguments: &[String]) -> Vec<&str> {
    let mut arguments = arguments
        .iter()
        .map(String::as_str)
        .take_while(|argument| *argument != "--");
    let mut chosen = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument {
            "-p" | "--package" => chosen.extend(arguments.next()),
            _ => chosen.extend(
                argument
                    .strip_prefix("--package=")
                    .or_else(|| argument.strip_prefix("-p")),
            ),
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo_line(more: &[&str]) -> String {
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        cargo_arguments("--features=a/b", &more).join(" ")
    }

    #[test]
    fn tests_everything_unless_a_package_is_chosen() {
        assert_eq!(cargo_line(&[]), "test --workspace --features=a/b");
        assert_eq!(
            cargo_line(&["--test", "river", "--", "-p", "--nocapture"]),
            "test --workspace --features=a/b --test river -- -p --nocapture"
        );
        assert_eq!(
            cargo_line(&["-p", "jobcrypt-core"]),
            "test --features=a/b -p jobcrypt-core"
        );
        assert_eq!(
            cargo_line(&["--package=jobcrypt-core"]),
            "test --features=a/b --package=jobcrypt-core"
        );
    }

    #[test]
    fn finds_packages_however_they_are_named() {
        let arguments = [
            "-p",
            "a",
            "--package",
            "b",
            "-pc",
            "--package=d",
            "--",
            "-p",
            "e",
        ];
        let arguments = arguments.map(ToOwned::to_owned);
        assert_eq!(chosen_packages(&arguments), ["a", "b", "c", "d"]);
    }
}
