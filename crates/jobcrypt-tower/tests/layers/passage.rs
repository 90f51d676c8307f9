//! Jobs and batches on both ways.

use jobcrypt_core::{Error, ErrorKind};
use jobcrypt_testkit::FaultyEncryptor;
use jobcrypt_tower::{Decrypt, DecryptLayer, Encrypt, EncryptLayer, JobBatch};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::row::{ARGS, Row, Rows, call, hook, hook_with, key, keyring};

fn cause(error: &BoxError) -> ErrorKind {
    let error = error.downcast_ref::<Error>().expect("it is ours");
    error.kind()
}

#[tokio::test]
async fn a_job_is_sealed_on_its_way_in_and_comes_out_byte_for_byte() {
    let (hook, stored, worked) = (hook(), Rows::default(), Rows::default());
    let enqueue = EncryptLayer::new(hook.clone()).layer(stored.store());
    enqueue
        .oneshot(Row::new("charge_card", ARGS))
        .await
        .expect("it is stored");
    let row = stored.lock()[0].clone();
    assert!(row.is_sealed(), "{row:?}");

    let work = DecryptLayer::new(hook).layer(worked.store());
    work.oneshot(row).await.expect("it is worked");
    assert_eq!(worked.lock()[0].text(), ARGS);
}

/// A queue may carry what it likes: no args at all, or bytes of a format of its own.
#[tokio::test]
async fn args_that_are_no_json_are_sealed_and_come_back() {
    for args in [&b""[..], b" ", b"\x00\xff\x00", b"river_encrypt"] {
        let (hook, stored, worked) = (hook(), Rows::default(), Rows::default());
        let row = Row {
            kind: "charge_card".to_owned(),
            args: args.to_vec(),
        };
        let enqueue = Encrypt::new(stored.store(), hook.clone());
        enqueue.oneshot(row.clone()).await.expect("it is stored");
        let sealed = stored.lock()[0].clone();
        assert!(sealed.is_sealed(), "{sealed:?}");
        let work = Decrypt::new(worked.store(), hook);
        work.oneshot(sealed).await.expect("it is worked");
        assert_eq!(*worked.lock(), [row]);
    }
}

#[tokio::test]
async fn a_hook_that_only_decrypts_stores_plaintext_and_opens_what_is_sealed() {
    let keys = jobcrypt_core::Keys::from(keyring(key()));
    let seals = hook_with(keys.clone());
    let only = jobcrypt_core::EncryptHook::builder(keys)
        .decrypt_only()
        .build()
        .expect("the hook is sound");
    let (stored, worked) = (Rows::default(), Rows::default());
    for hook in [&seals, &only] {
        let enqueue = Encrypt::new(stored.store(), hook.clone());
        let row = Row::new("charge_card", ARGS);
        enqueue.oneshot(row).await.expect("it is stored");
    }
    let rows = stored.lock().clone();
    let are_sealed: Vec<_> = rows.iter().map(Row::is_sealed).collect();
    assert_eq!(are_sealed, [true, false]);
    let work = Decrypt::new(worked.store(), only);
    work.oneshot(rows).await.expect("they are worked");
    assert!(worked.lock().iter().all(|row| row.text() == ARGS));
}

#[tokio::test]
async fn a_readable_kind_is_stored_as_it_is() {
    let stored = Rows::default();
    let enqueue = Encrypt::new(stored.store(), hook());
    enqueue
        .oneshot(Row::new("rebuild_index", "{}"))
        .await
        .expect("it is stored");
    assert_eq!(stored.lock()[0].text(), "{}");
}

#[tokio::test]
async fn a_batch_is_sealed_and_opened_job_by_job() {
    let (hook, stored, worked) = (hook(), Rows::default(), Rows::default());
    let batch = [
        Row::new("charge_card", ARGS),
        Row::new("rebuild_index", "{}"),
        Row::new("send_invoice", "[1]"),
    ];
    let enqueue = Encrypt::new(stored.store(), hook.clone());
    enqueue.oneshot(batch.clone()).await.expect("it is stored");
    let rows = stored.lock().clone();
    assert_eq!(
        rows.iter().map(Row::is_sealed).collect::<Vec<_>>(),
        [true, false, true]
    );

    let work = Decrypt::new(worked.store(), hook);
    assert_eq!(work.oneshot(rows).await.expect("it is worked"), 3);
    assert_eq!(*worked.lock(), batch);
}

#[tokio::test]
async fn an_empty_batch_reaches_the_service() {
    let hook = hook();
    let enqueue = Encrypt::new(Rows::default().store(), hook.clone());
    assert_eq!(enqueue.oneshot(Vec::new()).await.expect("it is stored"), 0);
    let work = Decrypt::new(Rows::default().store(), hook);
    assert_eq!(work.oneshot(Vec::new()).await.expect("it is worked"), 0);
}

#[tokio::test]
async fn one_job_that_cannot_be_sealed_keeps_the_whole_batch_out() {
    let stored = Rows::default();
    let hook = hook_with(keyring(FaultyEncryptor::after(2, key())));
    let enqueue = Encrypt::new(stored.store(), hook);
    let batch = vec![Row::new("charge_card", ARGS); 3];
    let error = enqueue.oneshot(batch).await.expect_err("the third fails");
    assert_eq!(cause(&error), ErrorKind::EncryptionFailed);
    assert!(stored.lock().is_empty());
}

#[tokio::test]
async fn one_job_that_cannot_be_opened_keeps_the_whole_batch_from_the_worker() {
    let (hook, stored, worked) = (hook(), Rows::default(), Rows::default());
    let mut enqueue = Encrypt::new(stored.store(), hook.clone());
    let batch = vec![Row::new("charge_card", ARGS); 2];
    call(&mut enqueue, batch).await.expect("it is stored");
    let mut rows = stored.lock().clone();
    rows[1].kind = "send_invoice".to_owned();
    let work = Decrypt::new(worked.store(), hook);
    let error = work.oneshot(rows).await.expect_err("the second is foreign");
    assert_eq!(cause(&error), ErrorKind::AuthenticationFailed);
    assert!(worked.lock().is_empty());
}

#[tokio::test]
async fn a_layer_that_is_there_twice_is_noticed_at_the_first_job() {
    let (hook, stored) = (hook(), Rows::default());
    let once = Encrypt::new(stored.store(), hook.clone());
    let error = Encrypt::new(once, hook)
        .oneshot(Row::new("charge_card", ARGS))
        .await
        .expect_err("it is sealed already");
    assert_eq!(cause(&error), ErrorKind::AlreadySealed);
    assert!(stored.lock().is_empty());
}

#[tokio::test]
async fn an_error_is_said_in_the_words_of_the_queue() {
    #[derive(Debug, PartialEq)]
    enum Verdict {
        Later,
        Never,
    }
    let foreign = Rows::default();
    let row = Row::new("charge_card", ARGS);
    let enqueue = Encrypt::new(foreign.store(), hook());
    enqueue.oneshot(row).await.expect("it is stored");
    let unknown_key = foreign.lock()[0].clone();
    let garbage = Row::new("charge_card", r#"{"river_encrypt":"canary-4711"}"#);

    let worker = service_fn(async |_: Row| Ok::<(), Verdict>(()));
    let layer = DecryptLayer::new(hook()).map_error(|error| {
        assert!(!error.to_string().contains("canary"));
        if error.is_retryable() {
            Verdict::Later
        } else {
            Verdict::Never
        }
    });
    let verdict_on = async |row| layer.layer(worker).oneshot(row).await;
    assert_eq!(verdict_on(unknown_key).await, Err(Verdict::Later));
    assert_eq!(verdict_on(garbage).await, Err(Verdict::Never));
    assert_eq!(verdict_on(Row::new("charge_card", "{}")).await, Ok(()));
}

#[test]
fn nothing_shows_what_a_closure_holds() {
    let layer = DecryptLayer::new(hook()).map_error(Box::<dyn std::error::Error>::from);
    let shown = format!("{layer:?} {:?}", layer.layer(Rows::default().store()));
    assert!(shown.contains("DecryptLayer"), "{shown}");
}

#[tokio::test]
async fn the_macro_writes_the_trait_for_any_text_and_any_payload() {
    #[derive(Debug)]
    struct Message {
        subject: &'static str,
        data: serde_json::Value,
    }

    jobcrypt_tower::job_request!(Message {
        subject,
        data: serde_json::Value,
    });

    let hook = hook();
    let pass = service_fn(async |message: Message| Ok::<_, BoxError>(message));
    let message = Message {
        subject: "charge_card",
        data: serde_json::json!({"pan": "4111111111111111"}),
    };
    let enqueue = Encrypt::new(pass, hook.clone());
    let stored = enqueue.oneshot(message).await.expect("it is stored");
    assert!(stored.data["river_encrypt"].is_string(), "{stored:?}");
    assert_eq!(stored.subject, "charge_card");
    let work = Decrypt::new(pass, hook);
    let worked = work.oneshot(stored).await.expect("it is worked");
    assert_eq!(worked.data["pan"], "4111111111111111");
}

#[tokio::test]
async fn a_queue_can_have_batches_of_its_own() {
    struct Insertion {
        rows: Vec<Row>,
        is_urgent: bool,
    }

    impl JobBatch for Insertion {
        type Job = Row;

        fn jobs(&self) -> &[Row] {
            &self.rows
        }

        fn jobs_mut(&mut self) -> &mut [Row] {
            &mut self.rows
        }
    }

    let store = service_fn(async |insertion: Insertion| Ok::<_, BoxError>(insertion));
    let insertion = Insertion {
        rows: vec![Row::new("charge_card", ARGS); 2],
        is_urgent: true,
    };
    let stored = Encrypt::new(store, hook()).oneshot(insertion).await;
    let stored = stored.expect("it is stored");
    assert!(stored.is_urgent && stored.rows.iter().all(Row::is_sealed));
}
