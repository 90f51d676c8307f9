//! A node whose keys are older than those of the repository.

use std::path::Path;

use jobcrypt::{EncryptHook, JobContext, ciphers, keys::KeyRepository};
use riverqueue::JobArgs;
use workbench::{Bench, ChargeCard, Database};

use crate::{
    command::{Environment, run_in},
    fault::Fault,
    jobs::{ARGS, RUNTIME},
    repository::{Layout, Repository},
};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        what: "a node with old keys enqueues a job under a key that was retired meanwhile",
        outcome: "the job is parked as `key_retired`; after `keys restore` and `jobs unpark` it is worked",
        happens: enqueues,
    },
    Fault {
        what: "a rotation while jobs need an older key",
        outcome: "refused with exit code 3, the number of jobs for each key, and the command that moves them; nothing is changed",
        happens: rotates_too_early,
    },
];

fn enqueues() {
    for is_postgres in [false, true] {
        RUNTIME.block_on(async {
            let database = if is_postgres {
                Database::postgres().await
            } else {
                Database::sqlite().await
            };
            let repository = Repository::new(Layout::Native);
            let stale = hook(&repository);
            let retired = stale.keys().snapshot().primary().key_id().to_string();
            for _ in 0..2 {
                repository.rotate();
            }
            assert_eq!(repository.states()[&retired], "retired");

            let id = enqueue(&database, &stale).await;
            let mut node = Bench::start(&database, &hook(&repository));
            node.event_of(id).await;
            node.stop().await;
            let job = database.job(id).await;
            assert_eq!(job.metadata["jobcrypt"]["parked"]["class"], "key_retired");

            let environment = vec![("DATABASE_URL", database.url())];
            must_succeed(
                &environment,
                &["keys", "restore", &repository.path(), &retired],
            );
            let mut node = Bench::start(&database, &hook(&repository));
            must_succeed(&environment, &["jobs", "unpark", "--id", &id.to_string()]);
            assert_eq!(
                node.seen().await,
                (ChargeCard::KIND.to_owned(), ARGS.to_owned())
            );
            node.stop().await;
        });
    }
}

fn rotates_too_early() {
    RUNTIME.block_on(async {
        let database = Database::sqlite().await;
        let repository = Repository::new(Layout::Native);
        let stale = hook(&repository);
        let needed = stale.keys().snapshot().primary().key_id().to_string();
        repository.rotate();
        for _ in 0..3 {
            enqueue(&database, &stale).await;
        }
        let before = repository.states();
        let environment = vec![("DATABASE_URL", database.url())];
        let path = repository.path();
        let ended = run_in(
            &environment,
            &["keys", "rotate", &path, "--store", "--grace", "0s"],
        );
        assert_eq!(ended.code, Some(3), "{ended:?}");
        for part in [&*needed, "3", "jobcrypt jobs migrate"] {
            assert!(ended.errors.contains(part), "{part}: {ended:?}");
        }
        assert_eq!(repository.states(), before);
    });
}

/// A hook with the keys as they are now, which stay as they are.
fn hook(repository: &Repository) -> EncryptHook {
    let repository = KeyRepository::open(Path::new(&repository.path())).expect("it opens");
    let keyring = repository.keyring(ciphers::encryptor).expect("it is whole");
    EncryptHook::builder(keyring).build().expect("it is sound")
}

async fn enqueue(database: &Database, hook: &EncryptHook) -> i64 {
    let sealed = hook.seal_bytes(&JobContext::new(ChargeCard::KIND), ARGS.as_bytes());
    let sealed = sealed.expect("it seals").expect("every kind is sealed");
    let sealed = String::from_utf8(sealed).expect("an envelope is text");
    database.plant(ChargeCard::KIND, &sealed).await
}

fn must_succeed(environment: &Environment, arguments: &[&str]) {
    let ended = run_in(environment, arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
