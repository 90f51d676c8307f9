use graphile_worker::{JobSpec, WorkerUtils};
use jobcrypt_core::JobContext;
use jobcrypt_graphile_worker::{EncryptPlugin, SealedWords};
use serde_json::json;
use sqlx::Row;

use crate::bed::{Bed, ChargeCard, SendInvoice, cipher, hook};

/// Attempts, error and whether the row is due within a year, of the oldest job.
async fn oldest(bed: &Bed) -> (i16, String, bool, bool) {
    let row = sqlx::query(
        "select attempts, coalesce(last_error, ''), run_at < now() + interval '1 year', locked_by is null
         from graphile_worker._private_jobs order by id limit 1",
    )
    .fetch_one(&bed.pool)
    .await
    .expect("a job is there");
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

#[tokio::test]
async fn a_job_waits_for_its_key_without_using_an_attempt() {
    let bed = Bed::new().await;
    let arriving = std::sync::Arc::new(cipher()) as std::sync::Arc<dyn jobcrypt_core::Encryptor>;
    let plugin = EncryptPlugin::new(hook(std::sync::Arc::clone(&arriving)));
    let utils = WorkerUtils::new(bed.pool.clone(), "graphile_worker").with_hooks(plugin.hooks());
    let card = ChargeCard {
        pan: "41111111".into(),
    };
    let queued = JobSpec {
        queue_name: Some("cards".into()),
        ..JobSpec::default()
    };
    utils.add_job(card, queued).await.expect("stored");
    let before = bed.stored().await;
    for times in 1..=3 {
        assert!(bed.work().await.is_empty());
        let (attempts, error, is_near, is_free) = oldest(&bed).await;
        assert_eq!((attempts, is_near, is_free), (0, true, true), "{error}");
        assert!(
            error.starts_with(&format!("jobcrypt: waits, time {times}, key unknown since")),
            "{error}"
        );
        assert_eq!(bed.stored().await, before);
        assert!(bed.work().await.is_empty(), "it is not due at once");
        bed.make_due().await;
    }
    let both = bed.hook.keys().snapshot().with_secondary(arriving).build();
    bed.hook.keys().swap(both.expect("the keys are two"));
    assert_eq!(bed.work().await, [json!({"pan": "41111111"})]);
}

#[tokio::test]
async fn a_bad_job_is_parked_beside_good_ones_and_put_back_by_the_queues_own_function() {
    let bed = Bed::new().await;
    let mut moved = json!({"pan": "41111111"});
    bed.hook
        .seal(&JobContext::new("another_kind"), &mut moved)
        .expect("it seals");
    bed.plant("charge_card", &moved.to_string()).await;
    for _ in 0..3 {
        let card = ChargeCard {
            pan: "41111111".into(),
        };
        bed.utils
            .add_job(card, JobSpec::default())
            .await
            .expect("stored");
    }
    assert_eq!(bed.work().await.len(), 3);
    let stored = bed.stored().await;
    assert_eq!(stored, [moved.to_string()], "kept as it was");
    let (attempts, error, is_near, is_free) = oldest(&bed).await;
    assert_eq!((attempts, is_near, is_free), (0, false, true));
    assert!(
        error.starts_with("jobcrypt: parked; ") && !error.contains("jc1."),
        "{error}"
    );

    sqlx::query(
        "select graphile_worker.reschedule_jobs(array_agg(id), run_at := now())
         from graphile_worker._private_jobs where last_error like 'jobcrypt: parked;%'",
    )
    .execute(&bed.pool)
    .await
    .expect("it runs");
    assert!(oldest(&bed).await.2, "it is due again");
}

#[tokio::test]
async fn errors_quote_no_args_and_a_retry_stays_sealed() {
    let bed = Bed::new().await;
    let wrong = json!({"pan": 41_111_111});
    bed.utils
        .add_raw_job("charge_card", wrong, JobSpec::default())
        .await
        .expect("stored");
    assert!(bed.work().await.is_empty());
    let (attempts, error, ..) = oldest(&bed).await;
    assert_eq!(attempts, 1);
    assert!(
        error.contains("do not fit") && !error.contains("41111111"),
        "{error}"
    );

    let bed = Bed::new().await;
    let card = ChargeCard {
        pan: "declined".into(),
    };
    bed.utils
        .add_job(card, JobSpec::default())
        .await
        .expect("stored");
    let before = bed.stored().await;
    assert_eq!(bed.work().await.len(), 1);
    assert_eq!(bed.stored().await, before);
}

#[tokio::test]
async fn what_a_handler_says_of_args_by_serdes_words_is_reduced() {
    for pan in ["misread", "panics"] {
        let bed = Bed::new().await;
        let card = ChargeCard { pan: pan.into() };
        bed.utils
            .add_job(card, JobSpec::default())
            .await
            .expect("stored");
        assert_eq!(bed.work().await.len(), 1);
        let (attempts, error, ..) = oldest(&bed).await;
        assert_eq!(attempts, 1);
        assert!(
            error.contains("do not fit") && !error.contains("41111111"),
            "{pan}: {error}"
        );
    }
}

#[tokio::test]
async fn what_a_handler_says_is_sealed_and_can_be_opened() {
    for (pan, words) in [
        ("refused", "\"the bank refused 41111111-of-a-card\""),
        ("panics of a card", "no such card: 41111111-of-a-card"),
    ] {
        let bed = Bed::new().await;
        let card = ChargeCard { pan: pan.into() };
        let added = bed.utils.add_job(card, JobSpec::default()).await;
        added.expect("stored");
        assert_eq!(bed.work().await.len(), 1);
        let (_, error, ..) = oldest(&bed).await;
        assert!(
            error.contains("; its words are sealed: jc1.") && !error.contains("41111111"),
            "{error}"
        );
        let opened = SealedWords::open(&bed.hook, "charge_card", &error).expect("it opens");
        assert_eq!(*opened, words);
    }

    let bed = Bed::new().await;
    let items = ["good", "bad 41111111"].map(|item| SendInvoice(item.into()));
    let added = bed
        .utils
        .add_batch_job(items.into(), JobSpec::default())
        .await;
    added.expect("stored");
    bed.work().await;
    let (_, error, ..) = oldest(&bed).await;
    assert!(
        error.contains("its words are sealed") && !error.contains("41111111"),
        "{error}"
    );
}

#[tokio::test]
async fn words_are_readable_where_the_app_asked_for_that() {
    let bed = Bed::with(hook(cipher()), EncryptPlugin::readable_errors).await;
    let card = ChargeCard {
        pan: "refused".into(),
    };
    bed.utils
        .add_job(card, JobSpec::default())
        .await
        .expect("stored");
    assert_eq!(bed.work().await.len(), 1);
    let (_, error, ..) = oldest(&bed).await;
    assert!(error.contains("the bank refused 41111111"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_sealed_is_not_stored() {
    let bed = Bed::new().await;
    let mut sealed = json!({"pan": "41111111"});
    bed.hook
        .seal(&JobContext::new("charge_card"), &mut sealed)
        .expect("it seals");
    let refused = bed
        .utils
        .add_raw_job("charge_card", sealed, JobSpec::default())
        .await;
    refused.expect_err("it is sealed already");
    assert!(bed.stored().await.is_empty());
}
