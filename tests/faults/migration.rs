//! A migration that is killed, and one that loses its connection.

use std::collections::BTreeSet;

use sqlx::{PgPool, query};
use workbench::Database;

use crate::{
    command::{Ended, Environment, command_in, killed_at_in, run_in},
    fault::Fault,
    jobs::{Jobs, NAMESPACE, RUNTIME},
};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        what: "`kill -9` at 100 moments of a migration, spread over its writes, on SQLite and as many on PostgreSQL",
        outcome: "every job opens, under the old key or the new one; the next migration moves the rest",
        happens: killed,
    },
    Fault {
        what: "PostgreSQL ends the connections of a migration again and again",
        outcome: "it connects anew, or ends with exit code 6; every job opens; the next migration moves the rest",
        happens: disconnected,
    },
];

const JOBS: usize = 600;
const MIGRATE: [&str; 6] = ["jobs", "migrate", "--namespace", NAMESPACE, "--page", "10"];

fn killed() {
    for jobs in Jobs::on_each_database(JOBS) {
        let syscall = match jobs.database {
            Database::Postgres(_) => "sendto",
            Database::Sqlite(..) => "pwrite64",
        };
        let (mut kills, mut halves) = (0, 0);
        for moment in 0..1000 {
            // To and fro, so that there is always something to move.
            let environment = environment(&jobs, moment % 2 == 0);
            let nth = 1 + moment * 7 % 60;
            let ended = killed_at_in(&environment, syscall, nth, &MIGRATE);
            jobs.must_all_open(JOBS);
            kills += u32::from(ended.code.is_none());
            halves += u32::from(keys_in_use(&jobs) == 2);
            if kills == 100 {
                break;
            }
        }
        assert_eq!(kills, 100, "it was not killed often enough");
        assert!(halves > 20, "it was halfway {halves} times");
        must_complete(&jobs);
    }
}

fn disconnected() {
    let [_, jobs] = Jobs::on_each_database(JOBS);
    let Database::Postgres(pool) = &jobs.database else {
        panic!("the second is on PostgreSQL");
    };
    let environment = environment(&jobs, false);
    let mut child = command_in(&environment, &MIGRATE)
        .spawn()
        .expect("the program starts");
    let mut cuts = 0;
    let code = loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            break status.code();
        }
        cuts += RUNTIME.block_on(cut(pool));
    };
    assert!(cuts > 0, "it was over before its connection was cut");
    assert!(matches!(code, Some(0 | 6)), "exit code {code:?}");
    jobs.must_all_open(JOBS);
    must_complete(&jobs);
}

/// Ends all connections of the command, and returns how many there were.
async fn cut(pool: &PgPool) -> u64 {
    let others = query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'jobcrypt'",
    );
    let ended = others.execute(pool).await;
    ended.expect("the server answers").rows_affected()
}

fn environment(jobs: &Jobs, is_back: bool) -> Environment {
    let [new, old] = &jobs.keys;
    let keys = if is_back {
        format!("{old},{new}")
    } else {
        format!("{new},{old}")
    };
    vec![
        ("DATABASE_URL", jobs.database.url()),
        ("JOBCRYPT_KEYS", keys),
    ]
}

/// Whether another run moves all that is left.
fn must_complete(jobs: &Jobs) {
    let ended: Ended = run_in(&environment(jobs, false), &MIGRATE);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.printed["left"], 0, "{ended:?}");
    jobs.must_all_open(JOBS);
    assert_eq!(keys_in_use(jobs), 1);
}

fn keys_in_use(jobs: &Jobs) -> usize {
    let key_of = |args: &str| args.split('.').nth(2).map(ToOwned::to_owned);
    let jobs = RUNTIME.block_on(jobs.database.jobs());
    let keys: BTreeSet<_> = jobs.iter().map(|job| key_of(&job.args)).collect();
    keys.len()
}
