//! What every queue must do whose jobs are sealed, as functions that a test calls with the queue to
//! check: an adapter of ours, or a stranger's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jobcrypt_core::{EncryptHook, Encryptor, Keyring, Policy};

use crate::{Behaviour, FaultyEncryptor, Outcome, Outcomes, QueueUnderTest};

mod checks;
mod store_dump;
mod work;

/// Sealed, as all kinds are that have no policy here.
const KIND: &str = "charge_card";
const OTHER_KIND: &str = "send_invoice";
const READABLE_KIND: &str = "rebuild_index";
const STRICT_KIND: &str = "sync_mailbox";

/// The kinds of all jobs that the checks enqueue or plant: for queues that have a handler for each.
pub const KINDS: [&str; 4] = [KIND, OTHER_KIND, READABLE_KIND, STRICT_KIND];

const ARGS: &str = r#"{"pan":"4111111111111111"}"#;
const READABLE_ARGS: &str = r#"{"index":"users"}"#;

/// Of a batch of which this many can be sealed, the next cannot.
const SEALS: usize = 2;

/// Checks a queue: jobs are sealed at rest and whole at the worker, and what cannot be opened is
/// neither worked nor lost. Returns which of it the queue does, and what it cannot, by its own
/// [`cannot`](QueueUnderTest::cannot).
///
/// `with_new_key` makes an encryptor under a new key at each call, and `with_hook` an empty queue whose
/// both ways go through the hook. Nothing here waits: [`QueueUnderTest::make_due`] stands for time. Jobs are of
/// the [`KINDS`].
///
/// `docs/for-queue-authors.md` tells more, and `examples/queue_author/conformance.rs` is a whole test.
///
/// # Panics
///
/// When the queue breaks the contract, saying how; also when it does what it says it cannot.
pub async fn queue<E: Encryptor, Q: QueueUnderTest>(
    with_new_key: impl Fn() -> E,
    with_hook: impl AsyncFn(EncryptHook) -> Q,
) -> Outcomes {
    let mut outcomes = Vec::new();
    for behaviour in Behaviour::ALL {
        let outcome = Box::pin(one(behaviour, &with_new_key, &with_hook)).await;
        outcomes.push((behaviour, outcome));
    }
    Outcomes(outcomes)
}

/// Checks one behaviour of a queue, as [`queue`] checks all.
///
/// # Panics
///
/// As [`queue`] does.
pub async fn one<E: Encryptor, Q: QueueUnderTest>(
    behaviour: Behaviour,
    with_new_key: impl Fn() -> E,
    with_hook: impl AsyncFn(EncryptHook) -> Q,
) -> Outcome {
    let hook = match behaviour {
        Behaviour::AllOrNothing => hook(FaultyEncryptor::after(SEALS, with_new_key())),
        _ => hook(with_new_key()),
    };
    let mut queue = with_hook(hook.clone()).await;
    let reason = queue.cannot(behaviour);
    let check = Box::pin(check(behaviour, &mut queue, &hook, with_new_key));
    let Some(reason) = reason else {
        return check.await.map_or(Outcome::Passes, Outcome::NotPossible);
    };
    assert!(
        !matches!(passes(check).await, Some(None)),
        "the queue says that it cannot, yet it does: {behaviour} ({reason})"
    );
    Outcome::NotPossible(reason)
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

/// Returns what the queue has nothing of, if that is so.
async fn check<E: Encryptor>(
    behaviour: Behaviour,
    queue: &mut impl QueueUnderTest,
    hook: &EncryptHook,
    with_new_key: impl Fn() -> E,
) -> Option<&'static str> {
    let new_hook = || self::hook(with_new_key());
    match behaviour {
        Behaviour::RoundTrip => checks::brings_back_what_it_stored(queue).await,
        Behaviour::ExactBytes => checks::brings_back_every_byte(queue).await,
        Behaviour::LargeArgs => checks::brings_back_large_args(queue).await,
        Behaviour::Batch => checks::stores_a_batch_job_by_job(queue).await,
        Behaviour::AllOrNothing => checks::stores_nothing_of_what_cannot_be_sealed(queue).await,
        Behaviour::AlreadySealed => {
            checks::refuses_what_is_sealed_already(queue, &new_hook()).await;
        }
        Behaviour::PlaintextBefore => checks::works_plaintext_that_was_there_before(queue).await,
        Behaviour::ReadableKinds => checks::leaves_readable_kinds_readable(queue).await,
        Behaviour::UnknownKey => checks::waits_for_a_key(queue, hook, with_new_key()).await,
        Behaviour::Altered => checks::parks_what_does_not_belong_there(queue, hook).await,
        Behaviour::PutBack => checks::puts_back_what_was_parked(queue, hook, with_new_key).await,
        Behaviour::BadBesideGood => checks::works_good_jobs_beside_a_bad_one(queue).await,
        Behaviour::Retry => checks::seals_once_however_often_it_tries(queue, hook).await,
        Behaviour::Scheduled => checks::keeps_a_scheduled_job_sealed(queue).await,
        Behaviour::Results => return checks::seals_an_output_that_it_keeps(queue, hook).await,
        Behaviour::Dump => return store_dump::holds_nothing(queue, hook, &new_hook()).await,
    }
    None
}

/// Runs a check; `None` where it panics.
async fn passes<T>(check: impl Future<Output = T> + Unpin) -> Option<T> {
    let mut check = std::pin::pin!(check);
    std::future::poll_fn(move |context| {
        let poll = AssertUnwindSafe(|| check.as_mut().poll(context));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Some),
            Err(_) => std::task::Poll::Ready(None),
        }
    })
    .await
}
