//! The walk of `docs/rotate-keys.md`: ten rotations in a row while two nodes enqueue and work.

mod flock;
mod jobcrypt_command;
mod node;
mod sheep;

use std::{collections::BTreeMap, sync::Arc};

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
        let repository = folder.path().join("keys");
        let path = repository.to_str().expect("the path is text");
        let url = database.url();
        jobcrypt(&url, &["keys", "setup", path]);

        let flock = Arc::new(Flock::new());
        let nodes = [(); 2].map(|()| Node::start(&database, &repository, &flock));
        let (gate, allowed) = (Arc::new(RwLock::new(0)), watch::Sender::new(0));
        let enqueuing = nodes
            .each_ref()
            .map(|node| node.enqueue(&flock, &gate, allowed.subscribe()));

        for rotation in 1..=ROTATIONS {
            // As many again as were there before, so that jobs come in during each step.
            allowed.send_replace((rotation + 1) * JOBS_PER_ROTATION);
            flock.until_enqueued(rotation * JOBS_PER_ROTATION).await;
            let rotated = jobcrypt(&url, &["keys", "rotate", path, "--store", "--grace", "0s"]);
            let primary: KeyId = rotated["primary"]
                .as_str()
                .expect("it is an id")
                .parse()
                .expect("it is an id");
            for node in &nodes {
                node.until_primary(primary).await;
            }
            let moved = jobcrypt(
                &url,
                &["jobs", "migrate", "--keys-in", path, "--namespace", "walk"],
            );
            assert_eq!(moved["unreadable"], 0, "{moved}");
            let closed = gate.write().await;
            let counted = counted(&jobcrypt(&url, &["jobs", "status"]));
            assert_eq!(counted, decrypted(&database, &nodes[0]).await);
            drop(closed);
        }

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
