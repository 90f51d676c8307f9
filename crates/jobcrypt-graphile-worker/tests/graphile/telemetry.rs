//! graphile_worker's own telemetry, which puts `_trace` beside a token after it was made.

use graphile_worker::{JobSpec, RawJobSpec};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::bed::{Bed, ChargeCard, RebuildIndex, SendInvoice};

/// Traces what happens on this thread, as an app with OpenTelemetry does.
fn traced() -> DefaultGuard {
    let tracer = SdkTracerProvider::builder().build().tracer("app");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
}

/// Each payload has a trace and a token, beside each other.
fn all_traced_and_sealed(stored: &[String]) {
    for payload in stored {
        assert!(!payload.contains("41111111"), "{payload}");
        let payload: Value = serde_json::from_str(payload).expect("a payload is JSON");
        let parts = payload.as_array().cloned().unwrap_or(vec![payload]);
        for part in parts {
            assert!(part["_trace"]["trace_id"].is_string(), "{part}");
            let token = part["river_encrypt"].as_str();
            assert!(
                token.is_some_and(|token| token.starts_with("jc1.")),
                "{part}"
            );
        }
    }
}

#[tokio::test]
async fn a_trace_that_is_added_after_sealing_hides_no_envelope() {
    let _traced = traced();
    let bed = Bed::new().await;
    let spec = JobSpec::default();
    let card = || ChargeCard {
        pan: "41111111".into(),
    };
    let raw = || json!({"pan": "41111111"});
    let raw_job = RawJobSpec {
        identifier: "charge_card".into(),
        payload: raw(),
        spec: spec.clone(),
    };
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
    bed.utils.add_raw_jobs(&[raw_job]).await.expect("stored");
    let stored = bed.stored().await;
    assert_eq!(stored.len(), 5);
    all_traced_and_sealed(&stored);
    assert_eq!(bed.work().await, vec![raw(); 5]);
    assert_eq!(bed.stored().await.len(), 0, "all were worked");
}

#[tokio::test]
async fn a_trace_in_each_item_of_a_batch_hides_none_and_what_failed_keeps_its_own() {
    let _traced = traced();
    let bed = Bed::new().await;
    let items = ["41111111 good", "bad 41111111"].map(|item| SendInvoice(item.into()));
    bed.utils
        .add_batch_job(items.into(), JobSpec::default())
        .await
        .expect("stored");
    all_traced_and_sealed(&bed.stored().await);
    assert_eq!(bed.work().await, [json!(["41111111 good", "bad 41111111"])]);
    let left = bed.stored().await;
    all_traced_and_sealed(&left);
    assert_eq!(left[0].matches("jc1.").count(), 1);
    bed.make_due().await;
    assert_eq!(bed.work().await, [json!(["bad 41111111"])]);
}

#[tokio::test]
async fn a_readable_job_has_its_trace_as_without_the_plugin() {
    let _traced = traced();
    let bed = Bed::new().await;
    let index = RebuildIndex {
        index: "users".into(),
    };
    bed.utils
        .add_job(index, JobSpec::default())
        .await
        .expect("stored");
    let seen = bed.work().await;
    assert_eq!(seen[0]["index"], "users");
    assert!(seen[0]["_trace"]["span_id"].is_string(), "{seen:?}");
}
