//! Jobs of every sort in one store, each with a canary in its args, and a search for these.

use jobcrypt_core::EncryptHook;

use super::{
    KIND, OTHER_KIND, READABLE_KIND,
    work::{MANY, enqueue, sealed},
};
use crate::{Attempt, Behaviour, QueueUnderTest, Worker, canary::find_canary};

/// Where each canary was, and the canary.
const SECRETS: [(&str, &str); 8] = [
    ("the args of a job that failed", FAILED),
    ("the args of a job that was worked", WORKED),
    ("a result", RESULT),
    ("the args of a job that is parked", PARKED),
    ("the args of a job that waits for its key", WAITING),
    ("the args of a job of a batch", BATCHED),
    ("the args of a scheduled job", SCHEDULED),
    ("the args of a job that is due", DUE),
];
const FAILED: &str = "canary-failed-8Qd2m";
const WORKED: &str = "canary-worked-Tz6rL";
const RESULT: &str = "canary-result-p3XwV";
const PARKED: &str = "canary-parked-K9bnE";
const WAITING: &str = "canary-waiting-y5GsA";
const BATCHED: &str = "canary-batched-C2uhN";
const SCHEDULED: &str = "canary-scheduled-f7JoR";
const DUE: &str = "canary-due-M4vxW1q";

/// It is found, or else the dump shows nothing of what is stored.
const READABLE: &str = "canary-readable-B8ktZ";

const OUTPUT: &str = r#"{"output":"canary-result-p3XwV"}"#;

/// `other` has another key than `hook`, through which the queue seals and opens.
pub(super) async fn holds_nothing(
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
    other: &EncryptHook,
) -> Option<&'static str> {
    fill(queue, hook, other).await;
    let Some(dump) = queue.dump().await else {
        return Some("its test hands over no dump");
    };
    assert!(
        find_canary(&dump, READABLE).is_some(),
        "the dump does not show what the store holds: the args of a readable job are not in it"
    );
    search(&dump);
    // What was deleted may still be there, and what was put back for a retry.
    queue.make_due().await;
    for _ in 0..MANY {
        if queue.work_one(Worker::Succeeds).await == Attempt::Idle {
            break;
        }
    }
    search(&queue.dump().await?);
    None
}

/// Leaves behind jobs in every state that the queue has.
async fn fill(queue: &mut impl QueueUnderTest, hook: &EncryptHook, other: &EncryptHook) {
    enqueue(queue, KIND, &args(FAILED)).await;
    queue.work_one(Worker::Fails).await;
    enqueue(queue, KIND, &args(WORKED)).await;
    queue.work_one(Worker::Returns(OUTPUT)).await;
    let moved = sealed(hook, KIND, &args(PARKED));
    queue.plant(OTHER_KIND, &moved).await;
    queue.work_one(Worker::Succeeds).await;
    let foreign = sealed(other, KIND, &args(WAITING));
    queue.plant(KIND, &foreign).await;
    queue.work_one(Worker::Succeeds).await;
    if queue.cannot(Behaviour::Batch).is_none() {
        let batch = args(BATCHED);
        let batch = [(KIND, &*batch), (OTHER_KIND, &*batch)];
        let stored = queue.enqueue_batch(&batch).await;
        stored.expect("a batch of sound jobs is stored");
    }
    if queue.cannot(Behaviour::Scheduled).is_none() {
        let stored = queue.schedule(KIND, &args(SCHEDULED)).await;
        stored.expect("a sound job is stored");
    }
    enqueue(queue, KIND, &args(DUE)).await;
    enqueue(queue, READABLE_KIND, &args(READABLE)).await;
}

fn search(dump: &[u8]) {
    for (place, canary) in SECRETS {
        if let Some(form) = find_canary(dump, canary) {
            panic!("a dump of the store holds {place}, {form}");
        }
    }
}

fn args(canary: &str) -> String {
    format!(r#"{{"secret":"{canary}"}}"#)
}
