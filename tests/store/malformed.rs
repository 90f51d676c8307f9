//! Values that are not as a hook writes them: both databases say the same of them, and none stops the others.

use std::collections::BTreeMap;

use jobcrypt::{
    JobContext,
    store::{Form, MigrateOptions, Selection, Status, Store, Table},
};
use workbench::{Database, hook, on_both_databases};

use crate::counting::{ARGS, primary, rotate, sealed};

const TOKEN: &str = "jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.abc";
const OTHER: &str = "jc1.secretbox.BBBBBBBBBBBBBBBBBBBBBA.abc";

async fn connect(database: &Database, table: Table) -> Store {
    let store = Store::connect(&database.url(), [table]).await;
    store.expect("it is described as it is")
}

/// Values of valid JSON, as args.
fn odd_json() -> Vec<String> {
    let mut values = vec![
        "null".to_owned(),
        "[]".to_owned(),
        r#"["river_encrypt"]"#.to_owned(),
        r#""river_encrypt""#.to_owned(),
        format!("\"{TOKEN}\""),
        format!("\"{}\"", "gAAAA".repeat(20)),
        format!(r#"{{"a":{{"river_encrypt":"{TOKEN}"}}}}"#),
        format!(r#"{{"a":"{OTHER}","river_encrypt":"{TOKEN}"}}"#),
        format!(r#"{{"river_encrypt":"{TOKEN}","a":"{TOKEN}"}}"#),
        format!(r#"{{"river_encrypt":"{TOKEN}","river_encrypt":"{OTHER}"}}"#),
        format!(r#"{{"river_encrypt":{{"a":"{TOKEN}"}}}}"#),
        format!(r#"{{"river_encrypt":["{TOKEN}"]}}"#),
        format!(r#"{{"river\u005fencrypt":"{TOKEN}"}}"#),
        format!(r#"{{"river_encrypt":"{}"}}"#, TOKEN.replace('j', r"\u006a")),
        format!(r#"{{"a":"{}"}}"#, TOKEN.replace('j', r"\u006A")),
        format!(
            r#"{{"river_encrypt":"{}"}}"#,
            TOKEN.replace("fernet", r"fernet\u002Bpad")
        ),
        r#"{"a":"\u0041 \u00e9 \u4e2d \\u0041 \" \\"}"#.to_owned(),
        "{}".to_owned(),
        "5".to_owned(),
    ];
    for under_marker in [
        "null",
        "5",
        "true",
        "\"\"",
        "\"=\"",
        "\"c2VjcmV0\"",
        "\"jc1\"",
        "\"jc1abc=\"",
        "\"jc1.\"",
        "\"jc1.fernet\"",
        "\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA\"",
        "\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.\"",
        "\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAAB.abc\"",
        "\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAA.abc\"",
        "\"jc1.fernet.AAAAAAAAAAAAAAAAAAAAAAA.abc\"",
        "\"jc1.Fernet.AAAAAAAAAAAAAAAAAAAAAA.abc\"",
        "\"jc1..AAAAAAAAAAAAAAAAAAAAAA.abc\"",
        "\"jc1f.fernet+pad.AAAAAAAAAAAAAAAAAAAAAA.abc\"",
        "\"jc2.fernet.AAAAAAAAAAAAAAAAAAAAAA.abc\"",
        "\" jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.abc\"",
        "\"x jc1.fernet.AAAAAAAAAAAAAAAAAAAAAA.abc\"",
    ] {
        values.push(format!("{{\"river_encrypt\":{under_marker}}}"));
    }
    let long = "a".repeat(70);
    values.push(format!(
        r#"{{"river_encrypt":"jc1.{long}.AAAAAAAAAAAAAAAAAAAAAA.abc"}}"#
    ));
    for blanks in [10, 30, 300] {
        let blanks = " ".repeat(blanks);
        values.push(format!(r#"{blanks}{{"river_encrypt":"{TOKEN}"}}"#));
        values.push(format!(
            r#"{{{blanks}"river_encrypt"{blanks}:{blanks}"{TOKEN}"}}"#
        ));
    }
    values
}

/// What is no JSON, or is what PostgreSQL refuses as such.
fn odd_text() -> Vec<String> {
    vec![
        String::new(),
        format!(r#"{{"river_encrypt":"{TOKEN}"#),
        format!("\u{feff}{{\"river_encrypt\":\"{TOKEN}\"}}"),
        format!("river_encrypt {TOKEN}"),
        format!("{TOKEN} {OTHER}"),
        r#"{"river_encrypt""#.to_owned(),
        r#"{"river_encrypt":"abc"#.to_owned(),
    ]
}

fn refused_escapes() -> Vec<String> {
    let mut values = Vec::new();
    for escape in [r"\u0000", r"\ud800", r"\ude00\ud83d", r"\ud83d\ude00"] {
        values.push(format!(r#"{{"a":"{escape}"}}"#));
        values.push(format!(r#"{{"a":"{escape}","river_encrypt":"{TOKEN}"}}"#));
        values.push(format!(r#"{{"a":"{escape}","b":["{TOKEN}"]}}"#));
    }
    values
}

/// What is counted of each value alone, as a text that can be compared.
async fn counted(database: &Database, column: &str, form: Form, values: &[String]) -> Vec<String> {
    let columns = "id bigint primary key, kind text, note text";
    database
        .run(&format!("create table odd ({columns}, args {column})"))
        .await;
    let rows = values.iter().enumerate().map(|(id, value)| {
        let value = value.replace('\'', "''");
        let value = match (database, form) {
            (Database::Postgres(_), Form::Bytes) => format!("convert_to('{value}', 'UTF8')"),
            (Database::Sqlite(..), Form::Bytes) => format!("cast('{value}' as blob)"),
            _ => format!("'{value}'"),
        };
        format!("({id}, 'kind {id}', 'x {TOKEN}', {value})")
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    database
        .run(&format!(
            "insert into odd (id, kind, note, args) values {rows}"
        ))
        .await;
    let table = Table::new("odd")
        .args("args", form)
        .further("note", Form::Text);
    let store = connect(database, table).await;
    let status = store.status().await.expect("it counts");
    database.run("drop table odd").await;
    values
        .iter()
        .enumerate()
        .map(|(id, value)| format!("{value} {:?}", of_kind(&status, &format!("kind {id}"))))
        .collect()
}

fn of_kind(status: &Status, kind: &str) -> Vec<String> {
    let counts = status.counts().iter().filter(|it| it.kind == kind);
    let line = |it: &jobcrypt::store::Count| format!("{} {} {:?}", it.count, it.place, it.found);
    counts.map(line).collect()
}

#[tokio::test]
async fn both_databases_count_malformed_values_alike() {
    let (postgres, sqlite) = (Database::postgres().await, Database::sqlite().await);
    let all = [odd_json(), odd_text(), refused_escapes()].concat();
    let json = [odd_json(), refused_escapes()].concat();
    for (column, form, values) in [
        ("text", Form::Text, &all),
        ("bytea", Form::Bytes, &all),
        ("json", Form::Json, &json),
        ("jsonb", Form::Json, &odd_json()),
    ] {
        let of_postgres = counted(&postgres, column, form, values).await;
        // As PostgreSQL stores it, a value of `jsonb` has no escapes and no name twice.
        let of_sqlite = counted(&sqlite, "text", form, values).await;
        for (one, other) in of_postgres.iter().zip(&of_sqlite) {
            let is_twice = one.matches("river_encrypt\":").count() > 1 && column == "jsonb";
            assert!(one == other || is_twice, "{column}: {one}\n{other}");
        }
    }
}

on_both_databases! {
    async fn what_a_count_names_a_migration_meets(database: Database) {
        let hook = hook();
        let stored = sealed(&hook, "report");
        let blanks = " ".repeat(300);
        let rest = stored.trim_start_matches("{\"river_encrypt\":");
        let odd = [
            stored.clone(),
            format!("{blanks}{stored}"),
            format!("{{{blanks}\"river_encrypt\":{blanks}{rest}"),
            format!("{{\"river\\u005fencrypt\":{rest}"),
        ];
        let rows = odd.iter().enumerate().map(|(id, args)| format!("({id}, 'report', '{args}')"));
        database.run(&format!(
            "create table odd (id bigint primary key, kind text, args text); insert into odd values {}",
            rows.collect::<Vec<_>>().join(", ")
        )).await;
        let old = rotate(&hook);
        let store = connect(&database, Table::new("odd").args("args", Form::Text)).await;
        let status = store.status().await.expect("it counts");
        assert_eq!(status.usage(), BTreeMap::from([(old, 4)]));
        let found = store.inspect(&Selection::all().key_id(old), 10).await.expect("it reads");
        assert_eq!(found.len(), 4);
        let report = store.migrate(&hook, &MigrateOptions::new(), &mut |_| {}).await;
        let report = report.expect("it migrates");
        assert_eq!((report.migrated, report.left, report.unreadable), (4, 0, 0));
        assert_eq!(report.status.usage(), BTreeMap::from([(primary(&hook), 4)]));
    }

    async fn json_with_an_escape_that_postgresql_refuses_stops_nothing(database: Database) {
        let hook = hook();
        let stored = sealed(&hook, "report");
        let rows = (1..=40).map(|id| match id {
            7 => format!("({id}, 'report', '{{\"a\":\"\\u0000\"}}')"),
            _ => format!("({id}, 'report', '{stored}')"),
        });
        database.run(&format!(
            "create table odd (id bigint primary key, kind text, args json); insert into odd values {}",
            rows.collect::<Vec<_>>().join(", ")
        )).await;
        let old = rotate(&hook);
        let store = connect(&database, Table::new("odd")).await;
        let status = store.status().await.expect("it counts");
        assert_eq!((status.usage(), status.plaintext()), (BTreeMap::from([(old, 39)]), 1));
        let report = store.migrate(&hook, &MigrateOptions::new(), &mut |_| {}).await;
        let report = report.expect("it migrates");
        assert_eq!((report.migrated, report.left), (39, 0));
    }
}

#[tokio::test]
async fn what_jsonb_cannot_hold_is_passed_over_on_the_way_to_plaintext() {
    let database = Database::postgres().await;
    let hook = hook();
    let stored = |args: &str| {
        let sealed = hook.seal_bytes(&JobContext::new("report"), args.as_bytes());
        String::from_utf8(sealed.expect("it seals").expect("it is sealed")).expect("it is JSON")
    };
    let rows = (1..=40).map(|id| {
        let args = match id {
            7 => stored(r#"{"a":"\u0000"}"#),
            33 => stored(r#"{"a":"\ud800"}"#),
            _ => stored(ARGS),
        };
        format!("({id}, 'report', '{args}')")
    });
    database
        .run(&format!(
            "create table odd (id bigint primary key, kind text, args jsonb); insert into odd values {}",
            rows.collect::<Vec<_>>().join(", ")
        ))
        .await;
    let store = connect(&database, Table::new("odd")).await;
    let options = MigrateOptions::new().to_plaintext();
    let report = store.migrate(&hook, &options, &mut |_| {}).await;
    let report = report.expect("it migrates");
    assert_eq!(
        (report.migrated, report.unstorable, report.left),
        (38, 2, 2)
    );
    let ids: Vec<_> = report.unstorable_jobs.iter().map(|it| &*it.id).collect();
    assert_eq!(ids, ["7", "33"]);
    assert!(
        report.unstorable_jobs[0].why.contains("22P05"),
        "{report:?}"
    );
    assert_eq!(report.status.plaintext(), 38);
}
