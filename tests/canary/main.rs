//! A canary in args and in keys, driven through everything that River and the plugin do while every log line down to TRACE is
//! kept. Then every table, file, event, audit line and error is searched: it shows nowhere, in no form. With one of the
//! protections off, it does.

mod drive;
mod log;
mod places;
mod search;

use workbench::Database;

use crate::{
    drive::{Off, drive},
    log::Log,
    search::find,
};

pub(crate) const CANARY: &str = "canary-7Kx2\"qpW9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_shows_in_no_error_no_debug_no_table_no_file_and_no_log() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("it is the only subscriber");
    // The search itself finds what is there.
    let secrets = [CANARY.as_bytes().to_vec()];
    assert!(find("a text", &format!("x{CANARY}x"), &secrets).is_some());
    let json = serde_json::Value::from(CANARY).to_string();
    assert!(find("a text", &json, &secrets).is_some());

    // What a worker's panic prints is the process's own, and not looked at here.
    std::panic::set_hook(Box::new(|panic| {
        if !panic
            .payload_as_str()
            .is_some_and(|text| text.contains(CANARY))
        {
            eprintln!("{panic}");
        }
    }));
    let databases = [Database::sqlite().await, Database::postgres().await];
    for database in &databases {
        let found = drive(database, &log, Off::Nothing).await;
        assert_eq!(found, [""; 0]);
    }
    for database in &databases {
        for (off, place) in [
            (Off::Errors, "the database"),
            (Off::Outputs, "the database"),
            (Off::Sealing, "the database"),
        ] {
            let found = drive(&database.another().await, &log, off).await;
            assert!(
                found.iter().any(|it| it.starts_with(place)),
                "without {off:?} it shows: {found:?}"
            );
        }
    }
}
