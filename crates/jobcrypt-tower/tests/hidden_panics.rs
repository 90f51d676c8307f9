//! What the process prints when a worker panics. In a binary of its own: the hook is the whole process's.

use std::{
    future::poll_fn,
    panic::{self, AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use jobcrypt_ciphers::XChaCha20Poly1305;
use jobcrypt_core::{EncryptHook, Keyring, SecretKey};
use jobcrypt_tower::{WorkerWords, hide_panics};

const SECRET: &str = "canary-pan-41111111";

/// Begins on one poll and panics on another.
async fn worker() {
    tokio::task::yield_now().await;
    panic!("no such card: {SECRET}");
}

/// Runs a worker; returns the text that it panics with.
async fn work(words: WorkerWords<'_>) -> String {
    let mut run = pin!(words.run(worker()));
    poll_fn(|context| {
        let poll = AssertUnwindSafe(|| run.as_mut().poll(context).map(|()| String::new()));
        catch_unwind(poll).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().expect("it is a text");
            Poll::Ready(text.clone())
        })
    })
    .await
}

#[tokio::test]
async fn words_of_a_sealed_job_are_printed_unless_they_are_hidden_and_all_else_always_is() {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let prints = Arc::clone(&printed);
    panic::set_hook(Box::new(move |info| {
        let mut prints = prints.lock().expect("nothing panics with it");
        prints.push(info.to_string());
    }));
    let take = || std::mem::take(&mut *printed.lock().expect("nothing panics with it"));

    let key = SecretKey::generate().expect("the system has random bytes");
    let keyring = Keyring::new(XChaCha20Poly1305::new(key)).build();
    let hook = EncryptHook::builder(keyring.expect("one key is enough")).build();
    let hook = hook.expect("the hook is sound");
    let sealed = WorkerWords::of(&hook, "charge_card", true);
    let plaintext = WorkerWords::of(&hook, "charge_card", false);
    for is_hidden in [false, true] {
        if is_hidden {
            hide_panics();
            hide_panics();
        }
        let stored = work(sealed).await;
        assert!(
            stored.starts_with("the worker panicked; its words are sealed: jc1."),
            "{stored}"
        );
        assert_eq!(take().concat().contains(SECRET), !is_hidden);

        // Those of a job that was stored readable, of an app that asked for it, and of all that is no worker.
        let stored = work(plaintext).await;
        assert!(!stored.contains(SECRET), "{stored}");
        assert!(take().concat().contains(SECRET));
        assert!(work(sealed.readable(true)).await.contains(SECRET));
        assert!(take().concat().contains(SECRET));
        let other = catch_unwind(|| panic!("elsewhere: {SECRET}"));
        other.expect_err("it panicked");
        assert!(take().concat().contains(SECRET));
    }
}
