//! A database that cannot be reached, or not as it was asked for.

use std::time::{Duration, Instant};

use workbench::Database;

use crate::{
    command::{Ended, run_in},
    fault::Fault,
    jobs::RUNTIME,
};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        what: "PostgreSQL refuses the connection",
        outcome: "an error with the cause, at once, exit code 6",
        happens: refused,
    },
    Fault {
        what: "PostgreSQL cannot encrypt connections, and the URL insists on it",
        outcome: "an error with the cause, exit code 6; nothing is sent in the clear",
        happens: in_the_clear,
    },
];

/// Less than a pool would try again.
const AT_ONCE: Duration = Duration::from_secs(5);

fn refused() {
    let start = Instant::now();
    // Nothing listens on the first port.
    let ended = status("postgres://nobody@127.0.0.1:1/nothing".to_owned());
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.errors.contains("refused"), "{ended:?}");
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
}

fn in_the_clear() {
    let database = RUNTIME.block_on(Database::postgres());
    let url = database.url();
    let separator = if url.contains('?') { '&' } else { '?' };
    let ended = status(format!("{url}{separator}sslmode=require"));
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(
        ended.errors.contains("server does not support TLS"),
        "{ended:?}"
    );
}

fn status(url: String) -> Ended {
    run_in(&vec![("DATABASE_URL", url)], &["jobs", "status"])
}
