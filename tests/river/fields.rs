//! Fields of args through River, and through what a database makes of JSON.

use jobcrypt::{ErrorKind, JobContext, Policy, river::EncryptPlugin};
use serde_json::Value;
use workbench::{Bench, ChargeCard, Database, build, builder, key, keyring, on_both_databases};

use crate::failures::is_parked;

const JOB: JobContext<'static> = JobContext::new("charge_card");
const ARGS: &str = r#"{"host":"sw\u0031","limits":{"z":1e2,"a":[1.10,-0.0,12345678901234567890123,5E-3]},"credentials":{"u":"ada","p":"swordfish"},"users":[{"name":"é","ssn":"1"},{"ssn":2.5e0}],"note":null}"#;

fn hook() -> jobcrypt::EncryptHook {
    let policy = Policy::fields(["/credentials", "/users/*/ssn"])
        .bind(["/host", "/limits", "/note"])
        .reject_plaintext();
    let keyring = keyring(jobcrypt::ciphers::XChaCha20Poly1305::new(key()));
    build(builder(keyring).kind("charge_card", policy))
}

/// The args without their numbers, which `Value` tells apart by how they are written.
fn meaning(json: &str) -> Value {
    let mut args: Value = serde_json::from_str(json).expect("it is JSON");
    args["limits"].take();
    args
}

on_both_databases! {
    async fn fields_survive_what_the_database_writes(database: Database) {
        let hook = hook();
        let sealed = hook.seal_bytes(&JOB, ARGS.as_bytes()).expect("it seals").expect("it is sealed");
        let sealed = String::from_utf8(sealed).expect("it is text");
        let id = database.plant("charge_card", &sealed).await;
        let stored = database.job(id).await.args;
        if matches!(database, Database::Postgres(_)) {
            assert_ne!(stored, sealed, "jsonb writes it anew");
            assert!(stored.contains("100"), "{stored}");
        }
        let opened = hook.open_bytes(&JOB, stored.as_bytes()).expect("it opens").expect("it was sealed");
        let opened = String::from_utf8(opened).expect("it is text");
        assert_eq!(meaning(&opened), meaning(ARGS));
        assert!(opened.contains("swordfish") && opened.contains("2.5e0"), "{opened}");
        let attack = stored.replacen("\"sw1\"", "\"evil\"", 1).replacen(r#""sw\u0031""#, "\"evil\"", 1);
        let error = hook.open_bytes(&JOB, attack.as_bytes()).expect_err("the host was changed");
        assert_eq!(error.kind(), ErrorKind::BoundFieldChanged);
    }

    async fn jobs_whose_fields_were_changed_are_parked(database: Database) {
        let hook = hook();
        let sealed = hook.seal_bytes(&JOB, ARGS.as_bytes()).expect("it seals").expect("it is sealed");
        let sealed = String::from_utf8(sealed).expect("it is text");
        let host = sealed.replacen(r#""sw\u0031""#, "\"evil\"", 1);
        is_parked(&database, &hook, "charge_card", &host, "bound_field_changed").await;
        let replaced = sealed.replacen(r#""credentials":null"#, r#""credentials":{}"#, 1);
        is_parked(&database, &hook, "charge_card", &replaced, "field_changed").await;
    }

    async fn a_worker_of_river_gets_the_fields_in_their_places(database: Database) {
        let hook = hook();
        let client = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("the client is sound");
        client.insert(ChargeCard::new(ARGS)).await.expect("it is inserted");
        let stored = database.jobs().await.remove(0).args;
        assert!(stored.contains("jc1f.") && stored.contains("host"), "{stored}");
        assert!(!stored.contains("swordfish"), "{stored}");
        let mut bench = Bench::start(&database, &hook);
        let (_, args) = bench.seen().await;
        assert_eq!(meaning(&args), meaning(ARGS));
        bench.stop().await;
    }
}
