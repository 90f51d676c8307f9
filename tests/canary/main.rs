//! A canary in args and in keys, driven through everything that two queues and their adapters do while every log line down to
//! TRACE is kept, and whatever is counted or printed. Then every table, file, event, audit line, counter and error is searched:
//! it shows nowhere, in no form. With one of the protections off, it does.
//!
//! | way | River (SQLite, PostgreSQL) | Sidekiq (Redis) |
//! |---|---|---|
//! | worked, tried again, failed with an error that quotes it | yes | yes |
//! | a panic that quotes it | stored with the job | ends the task of rusty-sidekiq, which logs it; the job is gone |
//! | an output | yes | there are none: rusty-sidekiq keeps nothing that a worker returns |
//! | unique, periodic, scheduled, many at once | yes | yes |
//! | args that do not fit the type, an unknown key, another namespace, garbage, plaintext that is refused | yes | yes |
//! | events for listeners | yes | there are none |

mod counts;
mod log;
mod places;
mod river;
mod search;
mod sidekiq;
mod stage;
mod written;

use workbench::Database;

use crate::{
    search::find,
    stage::{Off, Process},
};

pub(crate) const CANARY: &str = "canary-7Kx2\"qpW9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_in_no_error_no_debug_no_table_no_file_no_counter_and_no_log() {
    let process = Process::default();
    tracing::subscriber::set_global_default(process.log.clone())
        .expect("it is the only subscriber");
    metrics::set_global_recorder(process.counts.clone()).expect("it is the only recorder");
    // What a process prints, as the default does.
    let panics = process.panics.clone();
    std::panic::set_hook(Box::new(move |panic| {
        panics.add(&panic.to_string());
        eprintln!("{}", panic.to_string().replace(CANARY, "a secret"));
    }));
    // The search itself finds what is there.
    let secrets = [CANARY.as_bytes().to_vec()];
    assert!(find("a text", &format!("x{CANARY}x"), &secrets).is_some());
    let json = serde_json::Value::from(CANARY).to_string();
    assert!(find("a text", &json, &secrets).is_some());

    // What a worker's panic prints comes before anybody can catch it: so it shows until that is hidden, and there only.
    let shown = [
        river::drive(&Database::sqlite().await, &process, Off::Panics).await,
        sidekiq::drive(&process, Off::Panics).await,
    ];
    for found in shown {
        let [found] = &found[..] else {
            panic!("it shows where it is printed: {found:?}");
        };
        assert!(found.starts_with("standard error"), "{found}");
    }
    process.panics.clear();
    jobcrypt::river::hide_panics();

    let databases = [Database::sqlite().await, Database::postgres().await];
    for found in [
        river::drive(&databases[0], &process, Off::Nothing).await,
        river::drive_with_files(&process, Off::Nothing).await,
        sidekiq::drive(&process, Off::Nothing).await,
    ] {
        assert_eq!(found, [""; 0]);
    }

    for off in [Off::Errors, Off::Hashes, Off::Outputs, Off::Sealing] {
        let mut drives = Vec::new();
        for database in &databases {
            drives.push(river::drive(&database.another().await, &process, off).await);
        }
        // It has none.
        if off != Off::Outputs {
            drives.push(sidekiq::drive(&process, off).await);
        }
        for found in drives {
            assert!(
                found.iter().any(|it| it.starts_with("the store")),
                "without {off:?} it shows: {found:?}"
            );
        }
    }
}
