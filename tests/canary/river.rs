//! The ways of a job through River and the plugin.

use std::time::{Duration, SystemTime};

use jobcrypt::{ciphers::XChaCha20Poly1305, river::EncryptPlugin};
use jobcrypt_testkit::{FaultyEncryptor, PostgresServer};
use riverqueue::{InsertOpts, jiff::Timestamp};
use serde_json::json;
use workbench::{ChargeCard, Database, RebuildIndex, build, builder, keyring};

use crate::{
    CANARY, places,
    stage::{Left, Off, Process, Stage},
};

mod site;

use site::{ChargeOnce, Site};

/// Drives jobs; returns where the canary or a key then shows.
pub(crate) async fn drive(database: &Database, process: &Process, off: Off) -> Vec<String> {
    drive_on(database, None, process, off).await
}

/// Drives jobs on a server whose files are looked through as well.
pub(crate) async fn drive_with_files(process: &Process, off: Off) -> Vec<String> {
    let (server, database) = places::talkative_postgres().await;
    drive_on(&database, Some(&server), process, off).await
}

async fn drive_on(
    database: &Database,
    server: Option<&PostgresServer>,
    process: &Process,
    off: Off,
) -> Vec<String> {
    // Clocks of file systems are a little behind.
    let begin = SystemTime::now() - Duration::from_secs(1);
    let mut stage = Stage::new(off);
    let mut texts = stage.said();
    let mut events = Vec::new();

    let mut site = Site::start(database, &stage.hook, off);
    let of = |what: &str| ChargeCard::new(&json!({"do": what, "password": CANARY}).to_string());
    // Worked, tried again, refused for good with an error and with a panic, with an output.
    for what in ["complete", "retry", "fail", "panic", "output"] {
        let opts = InsertOpts::default().with_max_attempts(if what == "retry" { 2 } else { 1 });
        let inserted = site.client.insert(of(what)).opts(opts).await;
        let id = inserted.expect("it is inserted").job.id();
        events.push(site.event_of(id, |_| true).await);
        if what == "retry" {
            database.make_due().await;
            events.push(site.event_of(id, |state| state == "completed").await);
        }
    }
    // Unique, and met again; scheduled; many at once; periodic, which the client inserted by itself.
    let hashed = json!({"once": CANARY});
    stage.hide_hash_of(&format!("&kind=charge_once&args={hashed}"));
    for is_again in [false, true] {
        let once = match off {
            Off::Hashes => CANARY.to_owned(),
            _ => stage
                .unique
                .hash("charge_once", CANARY.as_bytes())
                .expect("names are short"),
        };
        let pan = CANARY.to_owned();
        let later = Timestamp::now() + Duration::from_hours(1);
        let opts = InsertOpts::default().with_scheduled_at(later);
        let inserted = site
            .client
            .insert(ChargeOnce { once, pan })
            .opts(opts)
            .await;
        let inserted = inserted.expect("it is inserted");
        assert_eq!(inserted.unique_skipped_as_duplicate, is_again);
    }
    let later = Timestamp::now() + Duration::from_hours(1);
    let scheduled = InsertOpts::default().with_scheduled_at(later);
    let inserted = site.client.insert(of("scheduled")).opts(scheduled).await;
    inserted.expect("it is inserted");
    let many = site.client.insert_many([of("many"), of("many")]).await;
    many.expect("they are inserted");
    site.event_of_kind("sync_mailbox").await;

    for (kind, stored) in stage.planted() {
        let id = database.plant(kind, &stored).await;
        events.push(site.event_of(id, |_| true).await);
    }
    site.run.stop().await.expect("the client stops");
    if off == Off::Nothing {
        texts.extend(refusals(database, &stage).await);
    }
    let jobs = database.jobs().await;
    let mut store = places::all_of(database).await;
    if let Some(server) = server {
        store += &places::files_of(server, database, begin).await;
    }
    let left = Left {
        texts: texts.join("\n"),
        events: events.join("\n"),
        store,
        args: jobs.into_iter().map(|job| job.args).collect(),
    };
    stage.found(process, left, off).await
}

/// What is said of jobs that must not be enqueued.
async fn refusals(database: &Database, stage: &Stage) -> Vec<String> {
    let mut texts = Vec::new();
    let args = json!({"password": CANARY}).to_string();
    let faulty = FaultyEncryptor::after(0, XChaCha20Poly1305::new(stage.key(0)));
    let client = database
        .client()
        .plugin(EncryptPlugin::new(build(builder(keyring(faulty)))))
        .build()
        .expect("it is sound");
    let error = client.insert(ChargeCard::new(&args)).await;
    let error = error.expect_err("it cannot be sealed");
    texts.push(format!("{error} {error:?}"));
    let marked = json!({"river_encrypt": CANARY}).to_string();
    let error = client.insert(RebuildIndex::new(&marked)).await;
    let error = error.expect_err("it holds the marker");
    texts.push(format!("{error} {error:?}"));
    texts
}
