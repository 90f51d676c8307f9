//! What becomes of a key is on record.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use jobcrypt_core::{AuditEvent, AuditSink, CipherName, KeyId};
use jobcrypt_keys::{KeyRepository, Usage};

/// Keeps the name of each event, and the key that it is about or how many jobs.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(String, String)>>>);

impl AuditSink for Heard {
    fn record(&self, event: &AuditEvent<'_>) {
        let fields = event.fields().map(|(_, value)| match value {
            jobcrypt_core::AuditValue::Count(count) => count.to_string(),
            jobcrypt_core::AuditValue::KeyId(id) => id.to_string(),
            jobcrypt_core::AuditValue::Text(text) => text.to_owned(),
        });
        let mut heard = self.0.lock().expect("nothing panics with it");
        heard.push((event.name().to_owned(), fields.collect()));
    }
}

impl Heard {
    fn take(&self) -> Vec<(String, String)> {
        mem::take(&mut *self.0.lock().expect("nothing panics with it"))
    }
}

fn event(name: &str, field: &impl ToString) -> (String, String) {
    (name.to_owned(), field.to_string())
}

#[test]
fn each_event_of_a_keys_life_is_recorded_once_it_has_happened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let heard = Heard::default();
    let repository = KeyRepository::setup(path, CipherName::XCHACHA20_POLY1305)
        .expect("it is set up")
        .audited(heard.clone());
    let state = || {
        let snapshot = repository.snapshot().expect("it can be read");
        let staged = snapshot.staged().expect("there is one").id;
        (snapshot.primary().id, staged)
    };
    let rotate = |usage: &[(KeyId, u64)]| {
        let rotation = repository.begin_rotation().expect("the lock is free");
        let rotation = rotation.with_grace(Duration::ZERO);
        rotation.commit(&Usage::counted(usage.iter().copied(), 0))
    };

    let (first, second) = state();
    rotate(&[]).expect("it rotates");
    let (_, third) = state();
    let promoted = [event("key.promoted", &second), event("key.staged", &third)];
    assert_eq!(heard.take(), promoted);

    rotate(&[(first, 7)]).expect_err("jobs need the first");
    assert_eq!(heard.take(), [event("rotate.refused", &7)]);

    rotate(&[]).expect("it rotates");
    let heard_now = heard.take();
    assert!(
        heard_now.contains(&event("key.retired", &first)),
        "{heard_now:?}"
    );

    repository.restore(first).expect("it was retired");
    assert_eq!(heard.take(), [event("key.restored", &first)]);
    repository
        .restore(first)
        .expect_err("it is not retired any more");
    assert_eq!(heard.take(), []);

    rotate(&[]).expect("it rotates");
    heard.take();
    repository.destroy(first).expect("it was retired again");
    assert_eq!(heard.take(), [event("key.destroyed", &first)]);
}
