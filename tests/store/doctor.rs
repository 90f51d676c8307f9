//! What shows of sealed jobs beside them.

use std::{collections::BTreeSet, time::Duration};

use jobcrypt::{
    Policy, SecretKey, UniqueKeys, ciphers::XChaCha20Poly1305, river::EncryptPlugin, store::Leak,
};
use riverqueue::{InsertOpts, JobArgs, UniqueOpts};
use serde::{Deserialize, Serialize};
use workbench::{
    ChargeCard, Database, RebuildIndex, SendInvoice, build, builder, hook, key, keyring,
    on_both_databases,
};

use crate::counting::store;

#[derive(Deserialize, JobArgs, Serialize)]
#[river(kind = "charge_once", unique(by_args))]
struct ChargeOnce {
    pan: String,
    #[river(unique)]
    once: String,
}

#[derive(Deserialize, JobArgs, Serialize)]
#[river(kind = "pay_once", unique(by_args("payer.iban", "once", "pan")))]
struct PayOnce {
    payer: Payer,
    once: String,
    pan: String,
    note: String,
}

#[derive(Deserialize, Serialize)]
struct Payer {
    iban: String,
    name: String,
}

#[derive(Deserialize, JobArgs, Serialize)]
#[river(kind = "send_statement", unique(by_args))]
struct SendStatement {
    #[river(unique)]
    host: String,
    iban: String,
}

fn by_args() -> UniqueOpts {
    UniqueOpts::new().with_by_args(true)
}

on_both_databases! {
    async fn unique_keys_that_can_be_guessed_are_found(database: Database) {
        let hook = hook();
        let client = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("sound");
        let args = r#"{"pan":"4111111111111111","at":[1.0, 2]}"#;
        for unique in [by_args(), by_args().with_by_queue(true)] {
            let opts = InsertOpts::default().with_unique(unique);
            client.insert(ChargeCard::new(args)).opts(opts).await.expect("it is inserted");
        }
        client.insert(SendInvoice::new(args)).await.expect("it is inserted");
        let opts = InsertOpts::default().with_unique(by_args());
        client.insert(RebuildIndex::new(args)).opts(opts).await.expect("it is inserted");
        let keys = UniqueKeys::new(SecretKey::generate().expect("random bytes")).namespace("test");
        let mut inserted = BTreeSet::new();
        // Stored under River's hash of ours: equal jobs are one, and it is no hash of what anybody may guess.
        for _ in 0..2 {
            let pan = "4111111111111111".to_owned();
            let once = keys.hash("charge_once", pan.as_bytes()).expect("short names");
            let opts = InsertOpts::default().with_unique(by_args());
            let job = client.insert(ChargeOnce { pan, once }).opts(opts).await.expect("it is inserted");
            inserted.insert(job.job.id());
        }
        assert_eq!(inserted.len(), 1, "the second is the first");
        // By one member that anybody may guess.
        let pan = "4111111111111111".to_owned();
        let opts = InsertOpts::default().with_unique(by_args());
        let guessable = ChargeOnce { once: pan.clone(), pan };
        client.insert(guessable).opts(opts).await.expect("it is inserted");

        let findings = store(&database).await.doctor(&hook).await.expect("it reads");
        let found: Vec<_> = findings.iter().map(|it| (&*it.kind, it.leak, it.jobs)).collect();
        assert_eq!(found, [
            ("charge_card", Leak::GuessableUniqueKey, 2),
            ("charge_once", Leak::GuessableUniqueKey, 1),
        ]);
    }

    async fn keys_of_several_fields_of_periods_and_of_what_is_readable_are_told_apart(database: Database) {
        let hook = build(builder(keyring(XChaCha20Poly1305::new(key())))
            .kind("send_statement", Policy::fields(["/iban"])));
        let client = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("sound");
        let keys = UniqueKeys::new(SecretKey::generate().expect("random bytes")).namespace("test");
        let insert = async |unique: UniqueOpts, pan: &str, once: &str| {
            let args = PayOnce {
                payer: Payer { iban: "DE89370400440532013000".to_owned(), name: "Ada".to_owned() },
                once: once.to_owned(),
                pan: pan.to_owned(),
                note: pan.to_owned(),
            };
            let opts = InsertOpts::default().with_unique(unique);
            client.insert(args).opts(opts).await.expect("it is inserted").job.id()
        };
        let hour = Duration::from_hours(1);
        let period = || UniqueOpts::new().with_by_period(hour);
        let once = keys.hash("pay_once", b"4111").expect("short names");
        // Three fields, one of them within another; the same in a period; the same without a kind, within a queue.
        insert(by_args(), "4111", "2026").await;
        insert(period().with_by_args(true), "4111", "2026").await;
        insert(by_args().with_exclude_kind(true).with_by_queue(true), "4111", "2026").await;
        // With a hash that takes a key, or of nothing that is sealed.
        insert(by_args(), "4111", &once).await;
        insert(period().with_by_args(true), "4111", &once).await;
        insert(period(), "4112", "2026").await;
        // A period that nobody would try.
        let odd = UniqueOpts::new().with_by_period(Duration::from_secs(12_347));
        insert(odd.with_by_args(true), "4113", "2026").await;
        // What stands readable in the table is no secret; beside it, one that is.
        for (unique, host) in [(by_args(), "bank-1"), (by_args(), "bank-2")] {
            let args = SendStatement { host: host.to_owned(), iban: "DE89".to_owned() };
            let opts = InsertOpts::default().with_unique(unique);
            client.insert(args).opts(opts).await.expect("it is inserted");
        }

        let findings = store(&database).await.doctor(&hook).await.expect("it reads");
        let found: Vec<_> = findings.iter().map(|it| (&*it.kind, it.leak, it.jobs)).collect();
        assert_eq!(found, [
            ("pay_once", Leak::GuessableUniqueKey, 3),
            ("pay_once", Leak::UnknownUniqueKey, 1),
        ]);
    }

    async fn outputs_in_plaintext_are_found(database: Database) {
        let hook = hook();
        let client = database.client().plugin(EncryptPlugin::new(hook.clone())).build().expect("sound");
        for _ in 0..3 {
            client.insert(ChargeCard::new("{}")).await.expect("it is inserted");
        }
        client.insert(RebuildIndex::new("{}")).await.expect("it is inserted");
        let sealed = hook.seal_bytes(
            &jobcrypt::JobContext::new("charge_card").with_purpose(jobcrypt::Purpose::OUTPUT), b"1");
        let sealed = String::from_utf8(sealed.expect("it seals").expect("it is sealed")).expect("text");
        let set = |output: &str, ids: &str| match &database {
            Database::Sqlite(..) => format!("update river_job set metadata = jsonb('{{\"output\":{output}}}') where id in ({ids})"),
            Database::Postgres(_) => format!("update river_job set metadata = '{{\"output\":{output}}}' where id in ({ids})"),
        };
        database.run(&set("\"17.20 EUR\"", "1, 4")).await;
        database.run(&set(&sealed, "2")).await;
        let findings = store(&database).await.doctor(&hook).await.expect("it reads");
        let found: Vec<_> = findings.iter().map(|it| (&*it.kind, it.leak, it.jobs, &*it.first)).collect();
        assert_eq!(found, [("charge_card", Leak::ReadableOutput, 1, "1")]);
    }
}
