//! Tables that would make a count or a move lie: what cannot be done right is an error.

use std::collections::BTreeMap;

use jobcrypt::{
    EncryptHook, KeyId, Keyring, SecretKey,
    ciphers::XChaCha20Poly1305,
    store::{
        Count, Error, Form, Found, MigrateOptions, Place, SafeToRemove, Selection, Store, Table,
    },
};
use workbench::{Database, build, builder, hook, key, on_both_databases};

use crate::{
    counting::{primary, rotate, sealed},
    sinks::Lines,
};

async fn connect(database: &Database, table: Table) -> Store {
    let store = Store::connect(&database.url(), [table]).await;
    store.expect("it is described as it is")
}

async fn usage(store: &Store) -> BTreeMap<KeyId, u64> {
    store.status().await.expect("it counts").usage()
}

/// Makes a table of this shape with 1500 jobs under one key, the last of them under another, which it returns.
async fn fill(database: &Database, columns: &str, hook: &EncryptHook) -> (KeyId, KeyId) {
    let (many, old) = (sealed(hook, "report"), primary(hook));
    rotate(hook);
    let one = sealed(hook, "report");
    database
        .run(&format!(
            "create table odd ({columns});
             with recursive n(n) as (select 1 union all select n + 1 from n where n < 1500)
             insert into odd (id, kind, args)
                select n, 'report', case n when 1500 then '{one}' else '{many}' end from n"
        ))
        .await;
    (old, primary(hook))
}

on_both_databases! {
    async fn a_column_too_short_for_what_moves_into_it_is_an_error(database: Database) {
        let hook = hook();
        let short = r#"{"pan":"41111111"}"#;
        database.run(&format!(
            "create table odd (id bigint primary key, kind text, args varchar(60) check (length(args) <= 60));
             insert into odd values (1, 'report', '{short}')"
        )).await;
        let store = connect(&database, Table::new("odd").args("args", Form::Text)).await;
        let options = MigrateOptions::new().seal_plaintext("1", Lines::default());
        let error = store.migrate(&hook, &options, &mut |_| {}).await;
        assert!(matches!(error, Err(Error::Database(_))), "{error:?}");
        assert_eq!(store.status().await.expect("it counts").plaintext(), 1);
    }

    async fn every_row_is_counted_though_ids_are_alike(database: Database) {
        let hook = hook();
        let (many, one) = fill(&database, "tenant int, id int, kind text, args text", &hook).await;
        database.run("update odd set id = 7").await;
        let store = connect(&database, Table::new("odd").args("args", Form::Text)).await;
        assert_eq!(usage(&store).await, BTreeMap::from([(many, 1499), (one, 1)]));
    }

    async fn a_row_without_kind_state_or_args_stops_nothing(database: Database) {
        let hook = hook();
        let stored = sealed(&hook, "");
        database.run(&format!(
            "create table odd (id bigint primary key, kind text, state text, args text);
             insert into odd values (1, null, null, '{stored}'), (2, 'empty', 'new', null)"
        )).await;
        let old = rotate(&hook);
        let table = Table::new("odd").state("state").args("args", Form::Text);
        let store = connect(&database, table).await;
        assert_eq!(usage(&store).await, BTreeMap::from([(old, 1)]));
        let report = store.migrate(&hook, &MigrateOptions::new(), &mut |_| {}).await;
        let report = report.expect("it migrates");
        assert_eq!((report.migrated, report.left), (1, 0));
    }

    async fn what_looks_like_a_legacy_form_frees_no_key_unless_it_was_opened(database: Database) {
        let text = format!("\"{}\"", "gAAAA".repeat(20));
        database.run(&format!(
            "create table odd (id bigint primary key, kind text, args text);
             insert into odd values (1, 'report', '{text}')"
        )).await;
        let store = connect(&database, Table::new("odd").args("args", Form::Text)).await;
        let status = store.status().await.expect("it counts");
        let verified = store.verify(&hook(), &Selection::all()).await.expect("it reads");
        let stranger = primary(&hook());
        assert_eq!(status.safe_to_remove(stranger, Some(&verified)), SafeToRemove::MayBeNeeded(1));
    }

    async fn escapes_in_json_hide_no_token(database: Database) {
        let hook = hook();
        let stored = sealed(&hook, "report");
        let marker = stored.replace("river_encrypt", "river\\u005fencrypt");
        let nested = format!(r#"{{"a":["{}"]}}"#, "jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.b".replace('j', "\\u006a"));
        for escaped in [marker, nested] {
            database.run(&format!(
                "drop table if exists odd;
                 create table odd (id bigint primary key, kind text, args text);
                 insert into odd values (1, 'report', '{escaped}')"
            )).await;
            let store = connect(&database, Table::new("odd").args("args", Form::Text)).await;
            let status = store.status().await.expect("it counts");
            let found = status.usage().values().sum::<u64>() + status.unattributed();
            assert!(found >= 1, "{escaped}");
        }
    }

    async fn two_migrations_of_which_one_has_older_keys_end(database: Database) {
        let keys = [key(), key()].map(|key| key.to_base64());
        let hook_of = |keys: [&str; 2]| {
            let key = |text| SecretKey::from_base64(text).map(XChaCha20Poly1305::new);
            let [primary, secondary] = keys.map(|text| key(text).expect("it is one"));
            build(builder(Keyring::new(primary).and(secondary).build().expect("it is sound")))
        };
        let (older, newer) = (hook_of([&keys[0], &keys[1]]), hook_of([&keys[1], &keys[0]]));
        let stored = sealed(&older, "report");
        database.run(&format!(
            "create table odd (id bigint primary key, kind text, args text);
             with recursive n(n) as (select 1 union all select n + 1 from n where n < 1500)
             insert into odd select n, 'report', '{stored}' from n"
        )).await;
        let table = Table::new("odd").args("args", Form::Text);
        let (one, other) = (connect(&database, table.clone()).await, connect(&database, table).await);
        let options = MigrateOptions::new();
        let (mut seen, mut seen_too) = (|_: &_| {}, |_: &_| {});
        let (one, other) = tokio::join!(
            one.migrate(&newer, &options, &mut seen),
            other.migrate(&older, &options, &mut seen_too),
        );
        let moved = one.expect("it ends").migrated + other.expect("it ends").migrated;
        assert!(moved >= 1500, "{moved}");
    }
}

#[tokio::test]
async fn rows_that_a_policy_hides_are_an_error() {
    let database = Database::postgres().await;
    database
        .run(
            "create table odd (id bigint primary key, kind text, args text);
             insert into odd values (1, 'report', '{}');
             alter table odd enable row level security;
             create policy none on odd using (false);
             create role reader login; grant select on odd to reader",
        )
        .await;
    let url = database.url().replace("postgres@", "reader@");
    let table = Table::new("odd").args("args", Form::Text);
    let store = Store::connect(&url, [table]).await.expect("it may log in");
    let error = store.status().await;
    assert!(matches!(error, Err(Error::Database(_))), "{error:?}");
}

#[tokio::test]
async fn ids_that_sqlite_does_not_order_as_text_are_counted_and_not_paged() {
    for columns in [
        "id primary key, kind text, args text",
        "id real, kind text, args text",
    ] {
        let database = Database::sqlite().await;
        let hook = hook();
        let (many, one) = fill(&database, columns, &hook).await;
        let store = connect(&database, Table::new("odd").args("args", Form::Text)).await;
        assert_eq!(
            usage(&store).await,
            BTreeMap::from([(many, 1499), (one, 1)])
        );
        let report = store
            .migrate(&hook, &MigrateOptions::new(), &mut |_| {})
            .await;
        assert!(matches!(report, Err(Error::Refused(_))), "{report:?}");
    }
}

#[tokio::test]
async fn json_as_text_in_a_blob_stays_text_in_a_blob() {
    let database = Database::sqlite().await;
    let hook = hook();
    let stored = sealed(&hook, "report");
    database
        .run(&format!(
            "create table odd (id integer primary key, kind text, args blob);
             insert into odd values (1, 'report', cast('{stored}' as blob)), (2, 'report', jsonb('{stored}'))"
        ))
        .await;
    let key = rotate(&hook);
    let store = connect(&database, Table::new("odd")).await;
    let report = store
        .migrate(&hook, &MigrateOptions::new(), &mut |_| {})
        .await;
    assert_eq!(report.expect("it migrates").migrated, 2);
    assert_eq!(
        usage(&store).await,
        BTreeMap::from([(primary(&hook), 2)]),
        "none is under {key}"
    );
    let text = Table::new("odd").args("args", Form::Bytes);
    let text = connect(&database, text).await;
    let status = text.status().await.expect("it counts");
    let is_args = |it: &&Count| it.place == Place::Args && matches!(it.found, Found::Token { .. });
    let as_text: u64 = status
        .counts()
        .iter()
        .filter(is_args)
        .map(|it| it.count)
        .sum();
    assert_eq!(as_text, 1, "the other is JSONB");
}
