//! What is counted, under which labels.

#![cfg(feature = "metrics")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering},
};

use jobcrypt_audit::Metrics;
use jobcrypt_core::{AuditEvent, AuditSink, Error, ErrorKind, KeyId, LegacyForm};
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Counts {
    fn lines(&self) -> Vec<String> {
        let counts = self.0.lock().expect("nothing panics with the lock");
        let line = |(name, count): (&String, &Arc<AtomicU64>)| {
            format!("{name} {}", count.load(Ordering::Relaxed))
        };
        counts.iter().map(line).collect()
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels = key
            .labels()
            .map(|it| format!(" {}={}", it.key(), it.value()));
        let name = key.name().to_owned() + &labels.collect::<String>();
        let mut counts = self.0.lock().expect("nothing panics with the lock");
        Counter::from_arc(Arc::clone(counts.entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn every_kind_that_was_not_named_is_other() {
    let counts = Counts::default();
    let metrics = Metrics::of_kinds(["charge_card"]);
    let key_id = KeyId::from_bytes([0; 16]);
    let unknown = Error::new(ErrorKind::NoMatchingKey, "");
    with_local_recorder(&counts, || {
        for kind in ["charge_card", "planted-1", "planted-2"] {
            metrics.record(&AuditEvent::JobSealed { kind, key_id });
            metrics.record(&AuditEvent::JobOpened { kind, key_id });
            metrics.record(&AuditEvent::OpenFailed {
                kind,
                error: &unknown,
            });
            metrics.record(&AuditEvent::JobParked {
                kind,
                job: "4711",
                error: &unknown,
            });
            metrics.record(&AuditEvent::PlaintextAccepted { kind });
            metrics.record(&AuditEvent::PlaintextRejected { kind });
            metrics.record(&AuditEvent::LegacyAccepted {
                kind,
                form: LegacyForm::River,
            });
            metrics.record(&AuditEvent::KeyUnknown { key_id, kind });
        }
    });
    let key = "AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        counts.lines(),
        [
            "jobcrypt_jobs_opened_total kind=charge_card key=K 1",
            "jobcrypt_jobs_opened_total kind=other key=K 2",
            "jobcrypt_jobs_parked_total kind=charge_card class=no_matching_key 1",
            "jobcrypt_jobs_parked_total kind=other class=no_matching_key 2",
            "jobcrypt_jobs_sealed_total kind=charge_card key=K 1",
            "jobcrypt_jobs_sealed_total kind=other key=K 2",
            "jobcrypt_keys_unknown_total 3",
            "jobcrypt_legacy_jobs_total kind=charge_card form=river 1",
            "jobcrypt_legacy_jobs_total kind=other form=river 2",
            "jobcrypt_open_failures_total kind=charge_card class=no_matching_key 1",
            "jobcrypt_open_failures_total kind=other class=no_matching_key 2",
            "jobcrypt_plaintext_jobs_total kind=charge_card outcome=accepted 1",
            "jobcrypt_plaintext_jobs_total kind=charge_card outcome=rejected 1",
            "jobcrypt_plaintext_jobs_total kind=other outcome=accepted 2",
            "jobcrypt_plaintext_jobs_total kind=other outcome=rejected 2",
        ]
        .map(|line| line.replace("key=K", &format!("key={key}")))
    );
}
