use graphile_worker::{JobSpec, RawJobSpec, parse_crontab};
use jobcrypt_core::{SecretKey, UniqueKeys};
use jobcrypt_graphile_worker::EncryptPlugin;
use serde_json::json;

use crate::bed::{Bed, ChargeCard, RebuildIndex, SendInvoice};

fn all_sealed(stored: &[String]) {
    for payload in stored {
        assert!(
            payload.contains("jc1.") && !payload.contains("41111111"),
            "{payload}"
        );
    }
}

fn card() -> ChargeCard {
    ChargeCard {
        pan: "41111111".into(),
    }
}

#[tokio::test]
async fn each_way_in_is_sealed_and_opened() {
    let bed = Bed::new().await;
    let spec = JobSpec::default();
    let raw = || json!({"pan": "41111111"});
    bed.utils
        .add_job(card(), spec.clone())
        .await
        .expect("stored");
    bed.utils
        .add_raw_job("charge_card", raw(), spec.clone())
        .await
        .expect("stored");
    bed.utils
        .add_jobs(&[(card(), &spec), (card(), &spec)])
        .await
        .expect("stored");
    let raw_job = RawJobSpec {
        identifier: "charge_card".into(),
        payload: raw(),
        spec: spec.clone(),
    };
    bed.utils.add_raw_jobs(&[raw_job]).await.expect("stored");
    let stored = bed.stored().await;
    assert_eq!(stored.len(), 5);
    all_sealed(&stored);
    assert_eq!(bed.work().await, vec![raw(); 5]);
    assert_eq!(bed.stored().await.len(), 0);

    let index = RebuildIndex {
        index: "users".into(),
    };
    bed.utils.add_job(index, spec).await.expect("stored");
    assert!(bed.stored().await[0].contains("users"));
    assert_eq!(bed.work().await, [json!({"index": "users"})]);
}

#[tokio::test]
async fn a_batch_is_sealed_item_by_item_and_what_failed_stays_sealed() {
    let bed = Bed::new().await;
    let items =
        ["41111111 good", "bad 41111111", "41111111 better"].map(|item| SendInvoice(item.into()));
    bed.utils
        .add_batch_job(items.into(), JobSpec::default())
        .await
        .expect("stored");
    let before = bed.stored().await;
    all_sealed(&before);
    assert_eq!(before[0].matches("jc1.").count(), 3);
    assert_eq!(
        bed.work().await,
        [json!(["41111111 good", "bad 41111111", "41111111 better"])]
    );
    let after = bed.stored().await;
    all_sealed(&after);
    assert_eq!(after[0].matches("jc1.").count(), 1);
    bed.make_due().await;
    assert_eq!(bed.work().await, [json!(["bad 41111111"])]);
}

#[tokio::test]
async fn what_graphile_worker_adds_beside_the_token_hides_nothing() {
    let bed = Bed::new().await;
    let plugin = EncryptPlugin::new(bed.hook.clone());
    let crontab = r#"* * * * * charge_card {pan:"41111111"}"#;
    let crontab = parse_crontab(crontab).expect("it is a crontab").remove(0);
    let mut payload = plugin
        .crontab(crontab)
        .expect("it seals")
        .payload
        .expect("it has one");
    payload["_trace"] = json!({"trace_id": "1"});
    payload["_cron"] = json!({"ts": "2026", "backfilled": false});
    bed.plant("charge_card", &payload.to_string()).await;
    all_sealed(&bed.stored().await);
    let expected = json!({"pan": "41111111", "_cron": {"ts": "2026", "backfilled": false}});
    assert_eq!(bed.work().await, [expected]);
}

#[tokio::test]
async fn a_job_that_a_handler_enqueues_and_one_that_is_replaced_are_sealed() {
    let bed = Bed::new().await;
    let again = ChargeCard {
        pan: "again".into(),
    };
    bed.utils
        .add_job(again, JobSpec::default())
        .await
        .expect("stored");
    assert_eq!(bed.work().await.len(), 1);
    all_sealed(&bed.stored().await);

    let keyed = JobSpec {
        job_key: Some("one".into()),
        ..JobSpec::default()
    };
    for pan in ["41111111 first", "41111111 second"] {
        let card = ChargeCard { pan: pan.into() };
        bed.utils
            .add_job(card, keyed.clone())
            .await
            .expect("stored");
    }
    all_sealed(&bed.stored().await);
    assert_eq!(bed.work().await, [json!({"pan": "41111111 second"})]);
}

/// As the README tells whoever makes a job key of args.
#[tokio::test]
async fn a_job_key_can_be_a_keyed_hash() {
    let bed = Bed::new().await;
    let key = SecretKey::generate().expect("the system has random bytes");
    let keys = UniqueKeys::new(key).namespace("test");
    for pan in ["41111111", "41111111", "42222222"] {
        let hash = keys.hash("charge_card", pan.as_bytes());
        let keyed = JobSpec {
            job_key: Some(hash.expect("names are short")),
            ..JobSpec::default()
        };
        let card = ChargeCard { pan: pan.into() };
        bed.utils.add_job(card, keyed).await.expect("stored");
    }
    assert_eq!(bed.stored().await.len(), 2);
}
