//! Hooks for queues that have none.

use async_trait::async_trait;
use jobcrypt_core::{Error, ErrorKind, JobContext, Policy, Purpose};
use jobcrypt_tower::{BoxError, Hook, Hooks};

use crate::row::{ARGS, Row, Rows, hook, hook_with, key, keyring};

/// Notes what it sees, and marks the args so that the order can be read from them.
struct Noting {
    name: &'static str,
    seen: Rows,
}

impl Noting {
    fn note(&self, station: &str, args: &[u8]) {
        let note = format!("{} {station}", self.name);
        let args = args.to_vec();
        self.seen.lock().push(Row { kind: note, args });
    }
}

#[async_trait]
impl Hook<Vec<u8>> for Noting {
    async fn on_enqueue(&self, _: &JobContext<'_>, args: &mut Vec<u8>) -> Result<(), BoxError> {
        self.note("enqueue", args);
        Ok(())
    }

    async fn on_dequeue(&self, _: &JobContext<'_>, args: &mut Vec<u8>) -> Result<(), BoxError> {
        self.note("dequeue", args);
        Ok(())
    }

    async fn on_finish(
        &self,
        _: &JobContext<'_>,
        output: Option<&mut Vec<u8>>,
    ) -> Result<(), BoxError> {
        self.note("finish", output.map_or(b"", |output| output));
        Ok(())
    }
}

fn notes(rows: &Rows) -> Vec<String> {
    rows.lock().iter().map(|row| row.kind.clone()).collect()
}

#[tokio::test]
async fn hooks_run_in_order_on_enqueue_and_in_reverse_on_dequeue() {
    let seen = Rows::default();
    let noting = |name| Noting {
        name,
        seen: seen.clone(),
    };
    let hooks = Hooks::builder()
        .hook(noting("first"))
        .hook_for("charge_card", noting("cards"))
        .hook_for("send_invoice", noting("invoices"))
        .hook(hook())
        .build()
        .expect("one hook encrypts");
    let job = JobContext::new("charge_card");
    let mut args = ARGS.as_bytes().to_vec();
    hooks.enqueue(&job, &mut args).await.expect("it is sealed");
    assert!(args.starts_with(br#"{"river_encrypt":"#));
    hooks.dequeue(&job, &mut args).await.expect("it opens");
    assert_eq!(args, ARGS.as_bytes());
    assert_eq!(
        notes(&seen),
        [
            "first enqueue",
            "cards enqueue",
            "cards dequeue",
            "first dequeue"
        ]
    );
    assert!(
        seen.lock().iter().all(|row| row.text() == ARGS),
        "all others see readable args on both ways"
    );
}

#[tokio::test]
async fn an_output_is_sealed_for_its_purpose() {
    let encrypt = hook();
    let seen = Rows::default();
    let noting = Noting {
        name: "audit",
        seen: seen.clone(),
    };
    let hooks = Hooks::builder().hook(noting).hook(encrypt.clone()).build();
    let hooks = hooks.expect("one hook encrypts");
    let job = JobContext::new("charge_card");
    let mut output = br#"{"receipt":4711}"#.to_vec();
    hooks.finish(&job, Some(&mut output)).await.expect("sealed");
    assert_eq!(seen.lock()[0].text(), r#"{"receipt":4711}"#);
    let as_args = encrypt
        .open_bytes(&job, &output)
        .expect_err("it is no args");
    assert_eq!(as_args.kind(), ErrorKind::AuthenticationFailed);
    let opened = encrypt.open_bytes(&job.with_purpose(Purpose::OUTPUT), &output);
    let opened = opened.expect("it opens").expect("it was sealed");
    assert_eq!(opened, br#"{"receipt":4711}"#);

    hooks.finish(&job, None).await.expect("nothing to seal");
    assert_eq!(notes(&seen), ["audit finish", "audit finish"]);
}

#[test]
fn two_encrypt_hooks_for_the_same_jobs_do_not_build() {
    let builder = Hooks::<Vec<u8>>::builder;
    for twice in [
        builder().hook(hook()).hook(hook()),
        builder().hook(hook()).hook_for("charge_card", hook()),
        builder().hook_for("charge_card", hook()).hook(hook()),
        builder()
            .hook_for("charge_card", hook())
            .hook_for("charge_card", hook()),
    ] {
        let error = twice.build().expect_err("some jobs pass both");
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
        assert!(error.to_string().contains("install one"), "{error}");
    }
    builder()
        .hook_for("charge_card", hook())
        .hook_for("send_invoice", hook())
        .build()
        .expect("no job passes both");
}

#[tokio::test]
async fn a_hook_that_fails_ends_the_way() {
    struct Refusing;

    #[async_trait]
    impl Hook<Vec<u8>> for Refusing {
        async fn on_enqueue(&self, _: &JobContext<'_>, _: &mut Vec<u8>) -> Result<(), BoxError> {
            Err("not today".into())
        }
    }

    let seen = Rows::default();
    let noting = Noting {
        name: "last",
        seen: seen.clone(),
    };
    let hooks = Hooks::builder().hook(Refusing).hook(noting).build();
    let hooks = hooks.expect("none encrypts");
    let job = JobContext::new("charge_card");
    let error = hooks.enqueue(&job, &mut Vec::new()).await;
    assert_eq!(error.expect_err("it refuses").to_string(), "not today");
    assert!(seen.lock().is_empty());
}

#[tokio::test]
async fn an_error_of_the_encrypt_hook_can_be_told_from_others() {
    let strict = jobcrypt_core::EncryptHook::builder(keyring(key()))
        .default_policy(Policy::sealed().reject_plaintext())
        .build()
        .expect("the hook is sound");
    let hooks = Hooks::builder().hook(strict).build().expect("it is one");
    let mut args = b"{}".to_vec();
    let error = hooks
        .dequeue(&JobContext::new("charge_card"), &mut args)
        .await;
    let error = error.expect_err("plaintext is refused");
    let error = error.downcast_ref::<Error>().expect("it is ours");
    assert_eq!(error.kind(), ErrorKind::PlaintextRejected);
    assert_eq!(args, b"{}", "what is stored stays");
}

#[tokio::test]
async fn clones_share_their_hooks_and_show_only_the_kinds() {
    let hooks = Hooks::<Vec<u8>>::builder()
        .hook_for("charge_card", hook_with(keyring(key())))
        .build()
        .expect("it is one");
    let mut args = b"{}".to_vec();
    let job = JobContext::new("charge_card");
    hooks
        .clone()
        .enqueue(&job, &mut args)
        .await
        .expect("sealed");
    hooks.dequeue(&job, &mut args).await.expect("the same key");
    assert_eq!(
        format!("{hooks:?}"),
        r#"Hooks { kinds: [Some("charge_card")], .. }"#
    );
}
