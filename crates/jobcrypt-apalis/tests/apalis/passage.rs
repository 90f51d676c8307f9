//! What goes into a store, and what comes out of it.

use std::time::{Duration, SystemTime};

use apalis_core::{
    backend::TaskSink,
    task::{Task, builder::TaskBuilder},
};
use futures_util::{SinkExt, stream};
use jobcrypt_core::{Policy, SecretKey, UniqueKeys};
use jobcrypt_testkit::{Worker, find_canary};

use crate::bench::{Bench, hook, new_key, on_each_store, raw};

const KIND: &str = "charge_card";
const CANARY: &str = "canary-pan-41111111";

fn args(number: usize) -> String {
    format!(r#"{{"pan":"{CANARY}-{number}"}}"#)
}

on_each_store! {
    async fn every_way_in_seals<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        let backend = bench.backend(KIND);
        let each = |number| raw(&args(number));
        backend.push(each(0)).await.expect("it is stored");
        backend.push_bulk(vec![each(1), each(2)]).await.expect("they are stored");
        backend.push_stream(stream::iter([each(3), each(4)])).await.expect("they are stored");
        let soon = SystemTime::now() + Duration::from_hours(1);
        let later = TaskBuilder::new(each(5)).run_at_time(soon).build();
        backend.push_task(later).await.expect("it is stored");
        let more = stream::iter([Task::new(each(6)), Task::new(each(7))]);
        backend.push_all(more).await.expect("they are stored");
        // A workflow's way.
        backend.send(Task::new(args(8).into_bytes())).await.expect("it is stored");

        let rows = bench.engine.rows().await;
        assert_eq!(rows.len(), 9);
        for row in rows {
            assert!(row.args.starts_with(r#"{"river_encrypt":"jc1."#), "{row:?}");
            assert_eq!(row.kind, KIND);
        }
        bench.engine.make_due().await;
        let mut seen = Vec::new();
        while let (_, Some((_, args))) = bench.work_one(Worker::Succeeds).await {
            seen.push(args);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..9).map(args).collect::<Vec<_>>());
        let dump = bench.engine.dump().await;
        assert_eq!(find_canary(&dump, CANARY), None);
    }

    async fn a_job_with_a_known_idempotency_key_is_not_stored_twice<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        for number in 0..2 {
            let task = TaskBuilder::new(raw(&args(number))).idempotency_key("invoice-1").build();
            // PostgreSQL says so, the others keep quiet.
            let _ = bench.backend(KIND).push_task(task).await;
        }
        assert_eq!(bench.engine.rows().await.len(), 1);
        let (_, seen) = bench.work_one(Worker::Succeeds).await;
        assert_eq!(seen, Some((KIND.to_owned(), args(0))));
    }

    async fn an_idempotency_key_is_a_keyed_hash_where_keys_were_given<E>() {
        let mut bench = Bench::<E>::new(hook(new_key())).await;
        let keys = UniqueKeys::new(SecretKey::generate().expect("the system has random bytes"));
        let backend = bench.backend(KIND).clone().unique_by(keys);
        *bench.backend(KIND) = backend;
        for number in 0..2 {
            let task = TaskBuilder::new(raw(&args(number))).idempotency_key(CANARY).build();
            // PostgreSQL says so, the others keep quiet.
            let _ = bench.backend(KIND).push_task(task).await;
        }
        assert_eq!(bench.engine.rows().await.len(), 1);
        let dump = bench.engine.dump().await;
        assert_eq!(find_canary(&dump, CANARY), None);
        let (_, seen) = bench.work_one(Worker::Succeeds).await;
        assert_eq!(seen, Some((KIND.to_owned(), args(0))));
    }

    async fn a_readable_kind_stays_readable<E>() {
        let key = jobcrypt_core::Keyring::new(new_key()).build().expect("one key is enough");
        let hook = jobcrypt_core::EncryptHook::builder(key)
            .kind(KIND, Policy::readable())
            .build()
            .expect("the hook is sound");
        let mut bench = Bench::<E>::new(hook).await;
        bench.push(KIND, &args(0)).await.expect("it is stored");
        assert_eq!(bench.engine.rows().await[0].args, args(0));
    }
}
