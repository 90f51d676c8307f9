//! The walk of `docs/rotate-keys.md`: ten rotations in a row while two nodes enqueue and work, one of them behind.

mod flock;
mod jobcrypt_command;
mod node;
mod sheep;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use jobcrypt::{Envelope, JobContext, KeyId};
use riverqueue::JobArgs;
use serde_json::Value;
use tokio::sync::{RwLock, watch};
use workbench::Database;

use crate::{flock::Flock, jobcrypt_command::jobcrypt, node::Node, sheep::CountSheep};

const ROTATIONS: u64 = 10;
const JOBS_PER_ROTATION: u64 = 10_000;

workbench::on_both_databases! {
    async fn ten_rotations_lose_no_job_and_work_none_twice(database: Database) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name).display().to_string();
        // The second node gets each key one rotation later: it encrypts with the key before, and opens what the first
        // one seals by the key that is staged there.
        let (ahead, behind, parcel) = (path("ahead"), path("behind"), path("parcel"));
        let url = database.url();
        jobcrypt(&url, &["keys", "setup", &ahead]);
        let bring = || {
            jobcrypt(&url, &["keys", "export", &ahead, "--to", &parcel]);
            jobcrypt(&url, &["keys", "import", &behind, "--from", &parcel]);
            std::fs::remove_file(&parcel).expect("it was exported");
        };
        bring();

        let flock = Arc::new(Flock::new());
        let nodes = [&ahead, &behind].map(|keys| Node::start(&database, Path::new(keys), &flock));
        let (gate, allowed) = (Arc::new(RwLock::new(0)), watch::Sender::new(0));
        let enqueuing = nodes
            .each_ref()
            .map(|node| node.enqueue(&flock, &gate, allowed.subscribe()));
        let status_is_exact = async |step: &str| {
            let closed = gate.write().await;
            let counted = counted(&jobcrypt(&url, &["jobs", "status"]));
            assert_eq!(counted, decrypted(&database, &nodes[0]).await, "{step}");
            drop(closed);
            counted
        };

        let mut retired = Vec::new();
        for rotation in 1..=ROTATIONS {
            // More are allowed than are waited for, so that jobs come in during each step.
            let allow_and_wait = async |allow: u64, wait: u64| {
                let begun = (rotation - 1) * JOBS_PER_ROTATION;
                allowed.send_replace(begun + JOBS_PER_ROTATION * allow / 10);
                flock.until_enqueued(begun + JOBS_PER_ROTATION * wait / 10).await;
            };
            allow_and_wait(5, 3).await;
            let old = nodes[1].keys.snapshot().primary().key_id();
            let rotated = jobcrypt(&url, &["keys", "rotate", &ahead, "--store", "--grace", "0s"]);
            let primary = id(&rotated["primary"]);
            nodes[0].until_primary(primary).await;
            assert_eq!(nodes[1].keys.snapshot().primary().key_id(), old, "it is behind");
            allow_and_wait(8, 8).await;
            let keys = status_is_exact("while one node is behind").await;
            assert!(keys.contains_key(&primary.to_string()), "{keys:?}");
            assert!(keys.contains_key(&old.to_string()), "{keys:?}");

            allow_and_wait(12, 9).await;
            bring();
            nodes[1].until_primary(primary).await;
            let migrate = ["jobs", "migrate", "--keys-in", &ahead, "--namespace", "walk"];
            let moved = jobcrypt(&url, &migrate);
            assert_eq!(moved["unreadable"], 0, "{moved}");
            status_is_exact("after the move").await;

            retired.extend(rotated["plan"]["retired"].as_array().expect("it is a list").iter().map(id));
        }
        assert_eq!(retired.len() as u64, ROTATIONS - 1, "each rotation but the first purges a key");
        for key in &retired {
            let key = key.to_string();
            jobcrypt(&url, &["keys", "destroy", &ahead, &key, "--store", "--yes"]);
        }

        status_is_exact("after the retired keys are destroyed").await;

        drop(allowed);
        for task in enqueuing {
            task.await.expect("it does not panic");
        }
        flock.until_all_worked().await;
        let [one, other] = nodes;
        one.stop().await;
        other.stop().await;
        assert!(flock.enqueued() >= ROTATIONS * JOBS_PER_ROTATION);
        assert_eq!(flock.lost_and_doubled(), (0, 0));
    }
}

fn id(value: &Value) -> KeyId {
    let text = value.as_str().expect("it is an id");
    text.parse().expect("it is an id")
}

/// What the command says of the keys: how many jobs need each.
fn counted(status: &Value) -> BTreeMap<String, u64> {
    let keys = status["keys"].as_array().expect("there is a list");
    keys.iter()
        .map(|key| {
            let id = key["key_id"].as_str().expect("a key has an id");
            (
                id.to_owned(),
                key["tokens"].as_u64().expect("it is a number"),
            )
        })
        .filter(|(_, jobs)| *jobs > 0)
        .collect()
}

/// The same, from every row opened.
async fn decrypted(database: &Database, node: &Node) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let context = JobContext::new(CountSheep::KIND);
    for job in database.jobs().await {
        let opened = node.hook.open_bytes(&context, job.args.as_bytes());
        let opened = opened.unwrap_or_else(|error| panic!("job {}: {error}", job.id));
        assert!(opened.is_some(), "job {} is plaintext", job.id);
        let args: Value = serde_json::from_str(&job.args).expect("args are JSON");
        let token = args["river_encrypt"].as_str().expect("it is sealed");
        let envelope = Envelope::parse(token).expect("it opened");
        *counts.entry(envelope.key_id().to_string()).or_default() += 1;
    }
    counts
}
