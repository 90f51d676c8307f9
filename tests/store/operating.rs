//! What an operator does with single jobs: look, reveal, put back.

use std::collections::BTreeMap;

use jobcrypt::store::{DrainSample, Error, Place, Reveal, Selection, Store, Table, drain_plot};
use workbench::{Bench, Database, hook, on_both_databases};

use crate::{
    counting::{ARGS, primary, sealed, store},
    sinks::{FullDisk, Lines},
};

on_both_databases! {
    async fn headers_show_without_a_key(database: Database) {
        let hook = hook();
        let first = database.plant("charge_card", &sealed(&hook, "charge_card")).await;
        database.plant("rebuild_index", ARGS).await;
        let store = store(&database).await;
        let jobs = store.inspect(&Selection::all(), 10).await.expect("it reads");
        assert_eq!(jobs.len(), 2);
        assert_eq!((jobs[0].args, jobs[1].args), ("sealed", "plaintext"));
        let token = &jobs[0].tokens[0];
        assert_eq!((token.form.as_str(), token.cipher.as_str()), ("jc1", "xchacha20poly1305"));
        assert_eq!((token.key_id, &token.place), (primary(&hook), &Place::Args));
        assert!(token.len > 60 && jobs[1].tokens.is_empty());

        let one = store.inspect(&Selection::job(first.to_string()), 10).await.expect("it reads");
        assert_eq!(one, jobs[..1]);
        let by_key = store.inspect(&Selection::all().key_id(primary(&hook)), 10).await;
        assert_eq!(by_key.expect("it reads"), jobs[..1]);
        let by_kind = Selection::all().kind("rebuild_index").state("available");
        assert_eq!(store.inspect(&by_kind, 10).await.expect("it reads"), jobs[1..]);
        assert_eq!(store.inspect(&Selection::all(), 1).await.expect("it reads"), jobs[..1]);
    }

    async fn a_job_is_revealed_only_once_that_is_on_record(database: Database) {
        let hook = hook();
        let id = database.plant("charge_card", &sealed(&hook, "charge_card")).await.to_string();
        let store = store(&database).await;
        let sink = Lines::default();
        let shown = store.reveal(&hook, &Reveal::job(&id), &sink).await.expect("it opens");
        assert_eq!(&**shown.args, ARGS);
        assert_eq!(sink.taken(), [format!("job.revealed river_job {id} charge_card")]);
        let shown = store.reveal(&hook, &Reveal::job(&id).redact("/pan"), &sink).await;
        assert_eq!(&**shown.expect("it opens").args, r#"{"pan":"[redacted]"}"#);
        let error = store.reveal(&hook, &Reveal::job(&id), &FullDisk).await;
        let error = error.err().expect("without a record nothing is shown");
        assert!(matches!(error, Error::Audit(_)), "{error}");
        let error = store.reveal(&hook, &Reveal::job("999"), &sink).await.err().expect("no such job");
        assert!(matches!(error, Error::NoJob(_)), "{error}");
    }

    async fn parked_jobs_are_put_back_and_worked_once_the_cause_is_mended(database: Database) {
        let right = hook();
        let right = workbench::build(workbench::builder(right.keys().clone()).namespace("right"));
        let elsewhere = workbench::build(workbench::builder(right.keys().clone()).namespace("elsewhere"));
        let first = database.plant("charge_card", &sealed(&right, "charge_card")).await;
        let second = database.plant("send_invoice", &sealed(&right, "send_invoice")).await;
        let mut bench = Bench::start(&database, &elsewhere);
        bench.event_of(first).await;
        bench.stop().await;
        let status = store(&database).await.status().await.expect("it counts");
        assert_eq!(status.parked(), 2);
        let store = store(&database).await;
        let charges = Selection::all().kind("charge_card");
        assert_eq!(store.unpark(&charges).await.expect("it writes"), 1);
        assert_eq!(store.unpark(&charges).await.expect("it writes"), 0);
        let job = database.job(first).await;
        assert_eq!((job.state.as_str(), job.metadata["jobcrypt"].is_null()), ("available", true));
        assert_eq!(database.job(second).await.state, "scheduled", "it was not meant");
        assert_eq!(store.unpark(&Selection::all()).await.expect("it writes"), 1);
        let mut bench = Bench::start(&database, &right);
        for _ in 0..2 {
            assert_eq!(bench.seen().await.1, ARGS);
        }
        bench.stop().await;
        assert_eq!(store.status().await.expect("it counts").parked(), 0);
    }

    async fn a_job_that_merely_waits_is_not_put_back(database: Database) {
        database.plant("charge_card", ARGS).await;
        database.run("update river_job set state = 'scheduled'").await;
        let store = store(&database).await;
        assert_eq!(store.unpark(&Selection::all()).await.expect("it writes"), 0);
        let other = Store::connect(&database.url(), [Table::new("river_job")]).await;
        let error = other.expect("it is there").unpark(&Selection::all()).await;
        assert!(matches!(error, Err(Error::Refused(_))));
    }

    async fn a_drain_is_recorded_and_drawn(database: Database) {
        let hook = hook();
        database.plant("charge_card", &sealed(&hook, "charge_card")).await;
        let status = store(&database).await.status().await.expect("it counts");
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_mins(1);
        let line = DrainSample::new(&status, at).to_line();
        let keys = BTreeMap::from([(primary(&hook).to_string(), 1)]);
        assert_eq!(line, serde_json::json!({"at": 60, "keys": keys, "no_key": 0}).to_string());
        let later = line.replace("60", "600").replace(":1}", ":0}");
        let samples = DrainSample::read(&format!("{line}\n{later}\n")).expect("two lines");
        let svg = drain_plot(&samples);
        assert!(svg.contains(&primary(&hook).to_string()) && svg.ends_with("</svg>\n"));
        assert!(matches!(DrainSample::read("{}\n"), Err(Error::Sample(1))));
    }
}
