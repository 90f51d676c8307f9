use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    process,
};

use crate::{queues_page, requirements, test};

/// The outcome of each behaviour, by queue.
pub(crate) type Columns = BTreeMap<String, BTreeMap<String, String>>;

/// The tests that run the conformance functions, by package.
const TESTS: [(&str, &[&str]); 5] = [
    ("jobcrypt-apalis", &["--test=apalis"]),
    (
        "jobcrypt-examples",
        &[
            "--example=nats_queue",
            "--example=postgres_queue",
            "--example=queue_author",
            "--example=rabbitmq_queue",
            "--example=redis_queue",
        ],
    ),
    ("jobcrypt-graphile-worker", &["--test=graphile"]),
    ("jobcrypt-sidekiq", &["--test=sidekiq"]),
    ("jobcrypt-tests", &["--test=river"]),
];

const NAME: &str = "it_keeps_what_jobcrypt_promises";
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/queues.md");

/// Runs the conformance functions on every queue, and writes what they found out. Returns the exit code
/// of `cargo test`.
pub(crate) fn run() -> io::Result<u8> {
    let python = requirements::python_after_all_are_met()?;
    let packages = TESTS.iter().flat_map(|(package, _)| ["--package", package]);
    let targets = TESTS
        .iter()
        .flat_map(|(_, targets)| targets.iter().copied());
    let arguments = packages.chain(targets).chain([NAME]);
    let arguments: Vec<String> = arguments.map(ToOwned::to_owned).collect();
    let outcomes = Outcomes::new()?;
    let code = test::run_recording(&python, &arguments, &[], &outcomes)?;
    if code == 0 {
        fs::write(PAGE, queues_page::of(&outcomes.read()?))?;
    }
    Ok(code)
}

/// A folder where tests write down what they found out about their queues; gone when it is dropped.
pub(crate) struct Outcomes(PathBuf);

impl Outcomes {
    pub(crate) fn new() -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("jobcrypt-queues-{}", process::id()));
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&folder)?,
        }
        Ok(Self(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Compares what tests found out with the page. Those that did not run count as before, unless all
    /// ran. Returns an exit code.
    pub(crate) fn compare(&self, all_ran: bool) -> io::Result<u8> {
        let page = fs::read_to_string(PAGE)?;
        let mut columns = if all_ran {
            Columns::new()
        } else {
            queues_page::columns(&page)
        };
        columns.extend(self.read()?);
        if queues_page::of(&columns) == page {
            return Ok(0);
        }
        eprintln!("docs/queues.md says something else: cargo xtask queues");
        Ok(1)
    }

    fn read(&self) -> io::Result<Columns> {
        let mut columns = Columns::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let queue = path.file_stem().unwrap_or_default().to_string_lossy();
            let lines = fs::read_to_string(&path)?;
            let cells = lines.lines().filter_map(|line| line.split_once('\t'));
            let cells =
                cells.map(|(behaviour, outcome)| (behaviour.to_owned(), outcome.to_owned()));
            columns.insert(queue.into_owned(), cells.collect());
        }
        Ok(columns)
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        // What is left in a folder for temporary files does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}
