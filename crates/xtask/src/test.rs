use std::{env, io, path::Path};

use jobcrypt_testkit::PostgresServer;

use crate::{
    cargo::{announce, exit_code},
    requirements,
};

/// Runs the tests with what they need and returns the exit code of `cargo test`.
pub(crate) fn run(arguments: &[String]) -> io::Result<u8> {
    let python = requirements::python_after_all_are_met()?;
    run_with(&python, arguments)
}

pub(crate) fn run_with(python: &Path, arguments: &[String]) -> io::Result<u8> {
    let postgres = PostgresServer::start(&env::temp_dir())?;
    println!("postgres  {}", postgres.url());
    println!("python    {}", python.display());
    exit_code(
        announce("test", &cargo_arguments(arguments))
            .env("JOBCRYPT_TEST_POSTGRES", postgres.url())
            .env("JOBCRYPT_TEST_PYTHON", python),
    )
}

fn cargo_arguments(more: &[String]) -> Vec<&str> {
    let mut arguments = vec!["test"];
    if !chooses_packages(more) {
        arguments.push("--workspace");
    }
    arguments.push("--all-features");
    arguments.extend(more.iter().map(String::as_str));
    arguments
}

/// Cargo ignores a chosen package beside `--workspace`.
fn chooses_packages(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| {
            let short = argument.starts_with("-p") && !argument.starts_with("--");
            short || argument.starts_with("--package") || argument == "--workspace"
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo_line(more: &[&str]) -> String {
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        cargo_arguments(&more).join(" ")
    }

    #[test]
    fn tests_everything_unless_a_package_is_chosen() {
        assert_eq!(cargo_line(&[]), "test --workspace --all-features");
        assert_eq!(
            cargo_line(&["--test", "river", "--", "-p", "--nocapture"]),
            "test --workspace --all-features --test river -- -p --nocapture"
        );
        assert_eq!(
            cargo_line(&["-p", "jobcrypt-core"]),
            "test --all-features -p jobcrypt-core"
        );
        assert_eq!(
            cargo_line(&["--package=jobcrypt-core"]),
            "test --all-features --package=jobcrypt-core"
        );
    }
}
