//! What the checks are made of: jobs that go in, are worked, and are looked at in the store.

use jobcrypt_core::{EncryptHook, JobContext};

use super::{ARGS, READABLE_ARGS};
use crate::{Attempt, QueueUnderTest, StoredJob, Worker};

/// Far more attempts than any check here has jobs.
pub(super) const MANY: usize = 50;

pub(super) async fn enqueue(queue: &mut impl QueueUnderTest, kind: &str, args: &str) -> String {
    let stored = queue.enqueue(kind, args).await;
    stored.unwrap_or_else(|error| panic!("a sound job of {kind} is not stored: {error}"))
}

/// Works the only job there is.
pub(super) async fn works(queue: &mut impl QueueUnderTest, kind: &str, args: &str) {
    is_same(&queue.work_one(Worker::Succeeds).await, &saw(kind, args));
    assert!(
        queue.stored().await.iter().all(|job| job.args != args),
        "a job that was worked must not be stored readable"
    );
}

pub(super) async fn work_all(queue: &mut impl QueueUnderTest) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    loop {
        match queue.work_one(Worker::Succeeds).await {
            Attempt::Idle => return attempts,
            attempt => attempts.push(attempt),
        }
        assert!(
            attempts.len() < MANY,
            "the queue tries the same job for ever"
        );
    }
}

/// The one job that is due must not be worked, now or later, and must stay as it is.
pub(super) async fn stays_parked(queue: &mut impl QueueUnderTest, what: &str) {
    let before = stored(queue).await;
    let attempt = queue.work_one(Worker::Succeeds).await;
    assert_eq!(attempt, Attempt::Parked, "{what} must be parked");
    assert_eq!(stored(queue).await, before, "{what} must stay whole");
    queue.make_due().await;
    is_idle(queue, "a parked job must stay parked").await;
}

pub(super) async fn is_idle(queue: &mut impl QueueUnderTest, why: &str) {
    let attempt = queue.work_one(Worker::Succeeds).await;
    assert_eq!(attempt, Attempt::Idle, "{why}");
}

/// In one order, whatever the store's is: a job that moves within it stays the same.
pub(super) async fn stored(queue: &mut impl QueueUnderTest) -> Vec<StoredJob> {
    let mut stored = queue.stored().await;
    stored.sort_by(|one, other| one.id.cmp(&other.id));
    stored
}

pub(super) async fn only_one(queue: &mut impl QueueUnderTest) -> StoredJob {
    let mut stored = queue.stored().await;
    assert_eq!(stored.len(), 1, "one job is stored: {stored:?}");
    stored.remove(0)
}

pub(super) fn sealed(hook: &EncryptHook, kind: &str, args: &str) -> String {
    let sealed = hook.seal_bytes(&JobContext::new(kind), args.as_bytes());
    let sealed = sealed.expect("a sound encryptor seals");
    String::from_utf8(sealed.expect("the kind is sealed")).expect("an envelope is JSON")
}

pub(super) fn saw(kind: &str, args: &str) -> Attempt {
    Attempt::Worked {
        kind: kind.to_owned(),
        args: args.to_owned(),
    }
}

pub(super) fn is_same(attempt: &Attempt, expected: &Attempt) {
    // A store that parses JSON may write the args of readable jobs with other spaces.
    let is_readable = |text: &str| [ARGS, READABLE_ARGS].contains(&text);
    if let (
        Attempt::Worked { kind, args },
        Attempt::Worked {
            kind: other,
            args: text,
        },
    ) = (attempt, expected)
        && is_readable(text)
    {
        assert_eq!(kind, other, "the worker got another kind");
        is_text(args, text);
        return;
    }
    assert_eq!(attempt, expected, "the worker must get what was enqueued");
}

pub(super) fn is_text(stored: &str, expected: &str) {
    let without_spaces: String = stored.split_whitespace().collect();
    assert_eq!(
        without_spaces, expected,
        "readable args must stay what they are"
    );
}

pub(super) fn is_sealed(stored: &str) {
    holds_no_args(stored);
    let is_token = stored.contains("river_encrypt") && stored.contains("jc1.");
    assert!(is_token, "the args are stored without a token: {stored}");
}

pub(super) fn holds_no_args(text: &str) {
    assert!(
        !text.contains("41111111"),
        "args are readable where none may be"
    );
}
