//! What every queue must do whose jobs are sealed, as functions that a test calls with the queue to
//! check: an adapter of ours, or a stranger's.

use std::sync::Arc;

use jobcrypt_core::{EncryptHook, Encryptor, JobContext, Keyring, Policy, Purpose};

use crate::{Attempt, FaultyEncryptor, QueueUnderTest, StoredJob, Worker};

/// Sealed, as all kinds are that have no policy here.
const KIND: &str = "charge_card";
const OTHER_KIND: &str = "send_invoice";
const READABLE_KIND: &str = "rebuild_index";
const STRICT_KIND: &str = "sync_mailbox";

const ARGS: &str = r#"{"pan":"4111111111111111"}"#;
const READABLE_ARGS: &str = r#"{"index":"users"}"#;

/// What no store may turn into something else: without spaces, which a queue may drop before it seals.
const ALL_ARGS: [&str; 7] = [
    ARGS,
    "{}",
    "[1,[2,[3]]]",
    r#""text""#,
    r#"{"n":12345678901234567890123,"f":1.10}"#,
    r#"{"b":1,"a":2,"b":3}"#,
    r#"{"name":"Zoë 🦀\u0000\n"}"#,
];

/// Far more attempts than any check here has jobs.
const MANY: usize = 50;

/// Checks a queue: jobs are sealed at rest and whole at the worker, and what cannot be opened is
/// neither worked nor lost.
///
/// `with_new_key` makes an encryptor under a new key at each call, and `with_hook` an empty queue whose
/// both ways go through the hook. Nothing here waits: [`QueueUnderTest::make_due`] stands for time.
///
/// `docs/for-queue-authors.md` tells more, and `examples/queue_author/conformance.rs` is a whole test.
///
/// # Panics
///
/// When the queue breaks the contract, saying how.
pub async fn queue<E: Encryptor, Q: QueueUnderTest>(
    with_new_key: impl Fn() -> E,
    with_hook: impl AsyncFn(EncryptHook) -> Q,
) {
    let new_hook = || hook(with_new_key());
    let new = async || {
        let hook = new_hook();
        (with_hook(hook.clone()).await, hook)
    };
    let failing_after = async |successes| {
        let hook = hook(FaultyEncryptor::after(successes, with_new_key()));
        with_hook(hook).await
    };

    brings_back_what_it_stored(&mut new().await.0).await;
    stores_a_batch_job_by_job(&mut new().await.0).await;
    stores_nothing_of_what_cannot_be_sealed(&mut failing_after(2).await).await;
    refuses_what_is_sealed_already(&mut new().await.0, &new_hook()).await;
    works_plaintext_that_was_there_before(&mut new().await.0).await;
    leaves_readable_kinds_readable(&mut new().await.0).await;
    let (mut queue, hook) = new().await;
    waits_for_a_key(&mut queue, &hook, with_new_key()).await;
    let (mut queue, hook) = new().await;
    parks_what_does_not_belong_there(&mut queue, &hook).await;
    works_good_jobs_beside_a_bad_one(&mut new().await.0).await;
    let (mut queue, hook) = new().await;
    seals_once_however_often_it_tries(&mut queue, &hook).await;
    keeps_a_scheduled_job_sealed(&mut new().await.0).await;
    let (mut queue, hook) = new().await;
    seals_an_output_that_it_keeps(&mut queue, &hook).await;
}

fn hook(primary: impl Encryptor) -> EncryptHook {
    let keyring = Keyring::new(primary).build();
    EncryptHook::builder(keyring.expect("a new key makes a keyring"))
        .namespace("conformance")
        .kind(READABLE_KIND, Policy::readable())
        .kind(STRICT_KIND, Policy::sealed().reject_plaintext())
        .build()
        .expect("the hook is sound")
}

async fn brings_back_what_it_stored(queue: &mut impl QueueUnderTest) {
    for args in ALL_ARGS {
        enqueue(queue, KIND, args).await;
        let stored = only_one(queue).await;
        assert_eq!(stored.kind, KIND, "the kind must be stored as it is");
        is_sealed(&stored.args);
        works(queue, KIND, args).await;
    }
    is_idle(queue, "a job that was worked must not be worked again").await;
}

async fn stores_a_batch_job_by_job(queue: &mut impl QueueUnderTest) {
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

/// `queue` can seal two jobs.
async fn stores_nothing_of_what_cannot_be_sealed(queue: &mut impl QueueUnderTest) {
    let batch = [
        (KIND, ARGS),
        (READABLE_KIND, READABLE_ARGS),
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

async fn refuses_what_is_sealed_already(queue: &mut impl QueueUnderTest, other: &EncryptHook) {
    let error = queue.enqueue(KIND, &sealed(other, KIND)).await;
    error.expect_err("args that are an envelope must be refused, not sealed again");
    assert_eq!(queue.stored().await, [], "what was refused was stored");
}

async fn works_plaintext_that_was_there_before(queue: &mut impl QueueUnderTest) {
    queue.plant(KIND, ARGS).await;
    works(queue, KIND, ARGS).await;
    queue.plant(STRICT_KIND, ARGS).await;
    stays_parked(queue, "a plaintext job whose kind rejects plaintext").await;
}

async fn leaves_readable_kinds_readable(queue: &mut impl QueueUnderTest) {
    enqueue(queue, READABLE_KIND, READABLE_ARGS).await;
    is_text(&only_one(queue).await.args, READABLE_ARGS);
    works(queue, READABLE_KIND, READABLE_ARGS).await;
}

async fn waits_for_a_key(
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
    arriving: impl Encryptor,
) {
    let arriving: Arc<dyn Encryptor> = Arc::new(arriving);
    let producer = self::hook(Arc::clone(&arriving));
    queue.plant(KIND, &sealed(&producer, KIND)).await;
    let before = queue.stored().await;
    for _ in 0..2 {
        let attempt = queue.work_one(Worker::Succeeds).await;
        assert_eq!(attempt, Attempt::Waits, "a job under an unknown key waits");
        assert_eq!(queue.stored().await, before, "a job that waits stays whole");
        is_idle(queue, "a job that waits must not be due at once").await;
        queue.make_due().await;
    }
    let both = hook.keys().snapshot().with_secondary(arriving).build();
    hook.keys().swap(both.expect("the keys are two"));
    works(queue, KIND, ARGS).await;
}

async fn parks_what_does_not_belong_there(queue: &mut impl QueueUnderTest, hook: &EncryptHook) {
    let token = sealed(hook, KIND);
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

async fn works_good_jobs_beside_a_bad_one(queue: &mut impl QueueUnderTest) {
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

async fn seals_once_however_often_it_tries(queue: &mut impl QueueUnderTest, hook: &EncryptHook) {
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

async fn keeps_a_scheduled_job_sealed(queue: &mut impl QueueUnderTest) {
    queue
        .schedule(KIND, ARGS)
        .await
        .expect("a sound job is stored");
    is_sealed(&only_one(queue).await.args);
    is_idle(queue, "a job that is scheduled must not be due at once").await;
    queue.make_due().await;
    works(queue, KIND, ARGS).await;
}

async fn seals_an_output_that_it_keeps(queue: &mut impl QueueUnderTest, hook: &EncryptHook) {
    const OUTPUT: &str = r#"{"iban":"DE89370400440532013000"}"#;
    let id = enqueue(queue, KIND, ARGS).await;
    let attempt = queue.work_one(Worker::Returns(OUTPUT)).await;
    is_same(&attempt, &saw(KIND, ARGS));
    let Some(stored) = queue.stored_output(&id).await else {
        return;
    };
    assert!(!stored.contains("DE89"), "the output is stored readable");
    let context = JobContext::new(KIND).with_purpose(Purpose::OUTPUT);
    let opened = hook.open_bytes(&context, stored.as_bytes());
    assert_eq!(
        opened.expect("an output opens for its purpose").as_deref(),
        Some(OUTPUT.as_bytes()),
        "the output must come back as it was"
    );
}

async fn enqueue(queue: &mut impl QueueUnderTest, kind: &str, args: &str) -> String {
    let stored = queue.enqueue(kind, args).await;
    stored.unwrap_or_else(|error| panic!("a sound job of {kind} is not stored: {error}"))
}

/// Works the only job there is.
async fn works(queue: &mut impl QueueUnderTest, kind: &str, args: &str) {
    is_same(&queue.work_one(Worker::Succeeds).await, &saw(kind, args));
    assert!(
        queue.stored().await.iter().all(|job| job.args != args),
        "a job that was worked must not be stored readable"
    );
}

async fn work_all(queue: &mut impl QueueUnderTest) -> Vec<Attempt> {
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
async fn stays_parked(queue: &mut impl QueueUnderTest, what: &str) {
    let before = queue.stored().await;
    let attempt = queue.work_one(Worker::Succeeds).await;
    assert_eq!(attempt, Attempt::Parked, "{what} must be parked");
    assert_eq!(queue.stored().await, before, "{what} must stay whole");
    queue.make_due().await;
    is_idle(queue, "a parked job must stay parked").await;
}

async fn is_idle(queue: &mut impl QueueUnderTest, why: &str) {
    let attempt = queue.work_one(Worker::Succeeds).await;
    assert_eq!(attempt, Attempt::Idle, "{why}");
}

async fn only_one(queue: &mut impl QueueUnderTest) -> StoredJob {
    let mut stored = queue.stored().await;
    assert_eq!(stored.len(), 1, "one job is stored: {stored:?}");
    stored.remove(0)
}

fn sealed(hook: &EncryptHook, kind: &str) -> String {
    let sealed = hook.seal_bytes(&JobContext::new(kind), ARGS.as_bytes());
    let sealed = sealed.expect("a sound encryptor seals");
    String::from_utf8(sealed.expect("the kind is sealed")).expect("an envelope is JSON")
}

fn saw(kind: &str, args: &str) -> Attempt {
    Attempt::Worked {
        kind: kind.to_owned(),
        args: args.to_owned(),
    }
}

fn is_same(attempt: &Attempt, expected: &Attempt) {
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

fn is_text(stored: &str, expected: &str) {
    let without_spaces: String = stored.split_whitespace().collect();
    assert_eq!(
        without_spaces, expected,
        "readable args must stay what they are"
    );
}

fn is_sealed(stored: &str) {
    holds_no_args(stored);
    let is_token = stored.contains("river_encrypt") && stored.contains("jc1.");
    assert!(is_token, "the args are stored without a token: {stored}");
}

fn holds_no_args(text: &str) {
    assert!(
        !text.contains("4111"),
        "args are readable where none may be"
    );
}
