//! A function for each behaviour; it panics where the queue has not got it.

use std::sync::Arc;

use jobcrypt_core::{EncryptHook, Encryptor, JobContext, Purpose};

use super::{
    ARGS, KIND, OTHER_KIND, READABLE_ARGS, READABLE_KIND, STRICT_KIND, hook as hook_of,
    work::{
        enqueue, holds_no_args, is_idle, is_same, is_sealed, is_text, only_one, saw, sealed,
        stays_parked, stored, work_all, works,
    },
};
use crate::{Attempt, QueueUnderTest, Worker};

/// What also a queue brings back that parses args before they are sealed; without spaces, which it may
/// drop.
const USUAL_ARGS: [&str; 12] = [
    ARGS,
    "{}",
    "[]",
    "[[]]",
    "[null]",
    "[1,[2,[3]]]",
    "null",
    "false",
    "0",
    r#""""#,
    r#""text""#,
    r#"{"name":"Zoë 🦀\u0000\n"}"#,
];

/// What comes back as something else from a parser.
const UNUSUAL_ARGS: [&str; 2] = [
    r#"{"n":12345678901234567890123,"f":1.10}"#,
    r#"{"b":1,"a":2,"b":3}"#,
];

pub(super) async fn brings_back_what_it_stored(queue: &mut impl QueueUnderTest) {
    brings_back(queue, &USUAL_ARGS).await;
}

pub(super) async fn brings_back_every_byte(queue: &mut impl QueueUnderTest) {
    brings_back(queue, &UNUSUAL_ARGS).await;
}

async fn brings_back(queue: &mut impl QueueUnderTest, all: &[&str]) {
    for args in all {
        enqueue(queue, KIND, args).await;
        let stored = only_one(queue).await;
        assert_eq!(stored.kind, KIND, "the kind must be stored as it is");
        is_sealed(&stored.args);
        works(queue, KIND, args).await;
    }
    is_idle(queue, "a job that was worked must not be worked again").await;
}

pub(super) async fn brings_back_large_args(queue: &mut impl QueueUnderTest) {
    const LEN: usize = 10 << 20;
    let args = format!(r#""{}""#, "4".repeat(LEN));
    enqueue(queue, KIND, &args).await;
    let stored = only_one(queue).await.args;
    // No text of this length belongs into a panic.
    assert!(
        stored.contains("jc1.") && stored.len() > LEN && !stored.contains("44444444444444444444"),
        "large args must be sealed"
    );
    let attempt = queue.work_one(Worker::Succeeds).await;
    let is_same = attempt == saw(KIND, &args);
    assert!(is_same, "large args must come back as they were enqueued");
}

pub(super) async fn stores_a_batch_job_by_job(queue: &mut impl QueueUnderTest) {
    let batch = [
        (KIND, ARGS),
        (READABLE_KIND, READABLE_ARGS),
        (OTHER_KIND, ARGS),
    ];
    queue
        .enqueue_batch(&batch)
        .await
        .expect("a batch of sound jobs is stored");
    let stored = queue.stored().await;
    assert_eq!(stored.len(), batch.len(), "each job of a batch is stored");
    for job in &stored {
        match &*job.kind {
            READABLE_KIND => is_text(&job.args, READABLE_ARGS),
            _ => is_sealed(&job.args),
        }
    }
    let mut worked = work_all(queue).await;
    worked.sort_by_key(|attempt| format!("{attempt:?}"));
    let mut expected = batch.map(|(kind, args)| saw(kind, args));
    expected.sort_by_key(|attempt| format!("{attempt:?}"));
    assert_eq!(worked.len(), expected.len(), "each job is worked once");
    for (attempt, expected) in worked.iter().zip(&expected) {
        is_same(attempt, expected);
    }
}

/// `queue` can seal [`SEALS`](super::SEALS) jobs.
pub(super) async fn stores_nothing_of_what_cannot_be_sealed(queue: &mut impl QueueUnderTest) {
    // Jobs of other kinds stand before it, which a queue might store by themselves.
    let batch = [
        (READABLE_KIND, READABLE_ARGS),
        (OTHER_KIND, ARGS),
        (KIND, ARGS),
        (KIND, ARGS),
    ];
    let error = queue.enqueue_batch(&batch).await;
    let error = error.expect_err("a batch with a job that cannot be sealed must not be stored");
    holds_no_args(&error.to_string());
    assert_eq!(
        queue.stored().await,
        [],
        "where one job of a batch cannot be sealed, none may be stored"
    );
    let error = queue.enqueue(KIND, ARGS).await;
    error.expect_err("a job that cannot be sealed must not be stored");
    assert_eq!(
        queue.stored().await,
        [],
        "a job that cannot be sealed was stored"
    );
}

pub(super) async fn refuses_what_is_sealed_already(
    queue: &mut impl QueueUnderTest,
    other: &EncryptHook,
) {
    let error = queue.enqueue(KIND, &sealed(other, KIND, ARGS)).await;
    error.expect_err("args that are an envelope must be refused, not sealed again");
    assert_eq!(queue.stored().await, [], "what was refused was stored");
}

pub(super) async fn works_plaintext_that_was_there_before(queue: &mut impl QueueUnderTest) {
    queue.plant(KIND, ARGS).await;
    works(queue, KIND, ARGS).await;
    queue.plant(STRICT_KIND, ARGS).await;
    stays_parked(queue, "a plaintext job whose kind rejects plaintext").await;
}

pub(super) async fn leaves_readable_kinds_readable(queue: &mut impl QueueUnderTest) {
    enqueue(queue, READABLE_KIND, READABLE_ARGS).await;
    is_text(&only_one(queue).await.args, READABLE_ARGS);
    works(queue, READABLE_KIND, READABLE_ARGS).await;
}

pub(super) async fn waits_for_a_key(
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
    arriving: impl Encryptor,
) {
    let arriving: Arc<dyn Encryptor> = Arc::new(arriving);
    let producer = hook_of(Arc::clone(&arriving));
    queue.plant(KIND, &sealed(&producer, KIND, ARGS)).await;
    let before = stored(queue).await;
    for _ in 0..2 {
        let attempt = queue.work_one(Worker::Succeeds).await;
        assert_eq!(attempt, Attempt::Waits, "a job under an unknown key waits");
        assert_eq!(stored(queue).await, before, "a job that waits stays whole");
        is_idle(queue, "a job that waits must not be due at once").await;
        queue.make_due().await;
    }
    let both = hook.keys().snapshot().with_secondary(arriving).build();
    hook.keys().swap(both.expect("the keys are two"));
    works(queue, KIND, ARGS).await;
}

pub(super) async fn parks_what_does_not_belong_there(
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
) {
    let token = sealed(hook, KIND, ARGS);
    let mut altered = token.clone().into_bytes();
    let at = altered.len() - 10;
    altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).expect("a token is ASCII");
    for (kind, args, what) in [
        (KIND, &*altered, "a job whose token was altered"),
        (OTHER_KIND, &*token, "a job whose token is another kind's"),
        (
            KIND,
            r#"{"river_encrypt":"?"}"#,
            "a job whose token is none",
        ),
        (KIND, r#"{"river_encrypt":null}"#, "a job without its token"),
    ] {
        queue.plant(kind, args).await;
        stays_parked(queue, what).await;
    }
}

/// Whoever retired a key too early puts it back, and then its jobs.
pub(super) async fn puts_back_what_was_parked<E: Encryptor>(
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
    with_new_key: impl Fn() -> E,
) {
    let retired: Arc<dyn Encryptor> = Arc::new(with_new_key());
    let producer = hook_of(Arc::clone(&retired));
    let before = hook.keys().snapshot();
    let without = before
        .with_secondary(with_new_key())
        .retired(retired.key_id());
    hook.keys().swap(without.build().expect("the keys are two"));

    queue.plant(KIND, &sealed(&producer, KIND, ARGS)).await;
    let stored = only_one(queue).await;
    for why in [
        "a job whose key was retired must be parked",
        "a job that is put back before its cause is mended must be parked again",
    ] {
        let attempt = queue.work_one(Worker::Succeeds).await;
        assert_eq!(attempt, Attempt::Parked, "{why}");
        let parked = only_one(queue).await;
        // A broker may know it by another id meanwhile.
        assert_eq!((&parked.kind, &parked.args), (&stored.kind, &stored.args));
        is_idle(queue, "a parked job must stay parked").await;
        queue.put_back().await;
    }

    let mended = before.with_secondary(retired).build();
    hook.keys().swap(mended.expect("the keys are two"));
    works(queue, KIND, ARGS).await;
    is_idle(queue, "a job that was put back is worked once").await;
    queue.put_back().await;
    is_idle(queue, "what was put back is parked no more").await;
}

pub(super) async fn works_good_jobs_beside_a_bad_one(queue: &mut impl QueueUnderTest) {
    enqueue(queue, KIND, ARGS).await;
    queue.plant(KIND, r#"{"river_encrypt":"jc1.?"}"#).await;
    enqueue(queue, OTHER_KIND, ARGS).await;
    let attempts = work_all(queue).await;
    for good in [saw(KIND, ARGS), saw(OTHER_KIND, ARGS)] {
        assert!(
            attempts.contains(&good),
            "a job beside a bad one was not worked: {attempts:?}"
        );
    }
    assert_eq!(attempts.len(), 3, "each job is tried once: {attempts:?}");
    assert!(
        only_one(queue).await.args.contains("jc1.?"),
        "the bad job must be kept as it is"
    );
}

pub(super) async fn seals_once_however_often_it_tries(
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
) {
    enqueue(queue, KIND, ARGS).await;
    for _ in 0..3 {
        is_same(&queue.work_one(Worker::Fails).await, &saw(KIND, ARGS));
        let stored = only_one(queue).await;
        is_sealed(&stored.args);
        let opened = hook.open_bytes(&JobContext::new(KIND), stored.args.as_bytes());
        assert_eq!(
            opened.expect("a job that failed opens again").as_deref(),
            Some(ARGS.as_bytes()),
            "a job that failed must stay sealed, and be sealed once"
        );
        queue.make_due().await;
    }
    works(queue, KIND, ARGS).await;
}

pub(super) async fn keeps_a_scheduled_job_sealed(queue: &mut impl QueueUnderTest) {
    queue
        .schedule(KIND, ARGS)
        .await
        .expect("a sound job is stored");
    is_sealed(&only_one(queue).await.args);
    is_idle(queue, "a job that is scheduled must not be due at once").await;
    queue.make_due().await;
    works(queue, KIND, ARGS).await;
}

pub(super) async fn seals_an_output_that_it_keeps(
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
) -> Option<&'static str> {
    const OUTPUT: &str = r#"{"iban":"DE89370400440532013000"}"#;
    let id = enqueue(queue, KIND, ARGS).await;
    let attempt = queue.work_one(Worker::Returns(OUTPUT)).await;
    is_same(&attempt, &saw(KIND, ARGS));
    let Some(stored) = queue.stored_output(&id).await else {
        return Some("it keeps no results");
    };
    assert!(!stored.contains("DE89"), "the output is stored readable");
    let context = JobContext::new(KIND).with_purpose(Purpose::OUTPUT);
    let opened = hook.open_bytes(&context, stored.as_bytes());
    assert_eq!(
        opened.expect("an output opens for its purpose").as_deref(),
        Some(OUTPUT.as_bytes()),
        "the output must come back as it was"
    );
    None
}
