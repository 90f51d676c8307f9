//! A key goes for ever only if no job that is counted needs it, wherever jobs are.

use std::{env, process::Output};

use jobcrypt_testkit::PostgresServer;
use serde_json::Value;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::{Operator, code, document, keys};

const TABLE: [&str; 4] = ["--table", "jobs", "--args-form", "text"];

/// Has two jobs under a key, which is retired, and the id of that key.
async fn retired() -> (Operator, String, String) {
    let operator = Operator::new().await;
    let folder = operator.path("keys");
    let set_up = document(&operator.keys(&["setup", &folder]));
    let mut keys = set_up["keys"].as_array().expect("there are keys").iter();
    let primary = keys.find(|key| key["state"] == "primary");
    let id = primary.expect("one is the primary")["id"].as_str();
    let id = id.expect("an id is text").to_owned();
    operator.seal_with(&folder);
    for _ in 0..2 {
        let rotated = operator.keys(&["rotate", &folder, "--unused", "--grace", "0s"]);
        assert_eq!(code(&rotated), 0, "{rotated:?}");
    }
    (operator, folder, id)
}

fn destroy(operator: &Operator, folder: &str, id: &str, more: &[&str]) -> Output {
    operator.keys(&[&["destroy", folder, id, "--yes"], more].concat())
}

fn error(output: &Output) -> String {
    let document: Value = serde_json::from_slice(&output.stderr).expect("it is one document");
    let text = |name: &str| {
        document["error"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    format!("{}; {}", text("message"), text("next_step"))
}

#[tokio::test]
async fn a_key_that_jobs_need_is_not_destroyed_where_they_are_counted() {
    let (operator, folder, id) = retired().await;
    let refused = destroy(
        &operator,
        &folder,
        &id,
        &[&["--store"], &TABLE[..]].concat(),
    );
    assert_eq!(code(&refused), 3, "{refused:?}");
    assert_eq!(code(&operator.keys(&["restore", &folder, &id])), 0);
}

#[tokio::test]
async fn a_key_is_not_destroyed_while_somebody_is_writing() {
    let (operator, folder, id) = retired().await;
    operator
        .sql("create table copy as select * from jobs; delete from jobs")
        .await;
    let mut writer = SqliteConnection::connect(&operator.url())
        .await
        .expect("it opens");
    let begun = sqlx::raw_sql("begin immediate; insert into jobs select * from copy")
        .execute(&mut writer)
        .await;
    begun.expect("it inserts");
    let counted = [&["--store", "--wait", "0s"], &TABLE[..]].concat();
    let refused = destroy(&operator, &folder, &id, &counted);
    assert_eq!(code(&refused), 7, "{refused:?}");
    let told = error(&refused);
    assert!(
        told.contains("table jobs") && told.contains("try again"),
        "{told}"
    );
    sqlx::raw_sql("commit")
        .execute(&mut writer)
        .await
        .expect("it commits");
    let refused = destroy(&operator, &folder, &id, &counted);
    assert_eq!(code(&refused), 3, "{refused:?}");
    let primary = document(&operator.keys(&["status", &folder]))["keys"][0]["id"].clone();
    let primary = primary.as_str().expect("an id is text");
    let refused = destroy(&operator, &folder, primary, &counted);
    assert!(error(&refused).contains("was not retired"), "{refused:?}");
    operator.sql("delete from jobs").await;
    assert_eq!(code(&destroy(&operator, &folder, &id, &counted)), 0);
}

#[tokio::test]
async fn jobs_of_every_place_that_is_named_are_counted() {
    let (operator, folder, id) = retired().await;
    operator
        .sql(
            "create table \"other jobs\" as select * from jobs; delete from jobs;
             create table more as select * from jobs",
        )
        .await;
    let mut counted = vec!["--store"];
    counted.extend(TABLE);
    counted.extend(["--and-store", "--table more --args-form text"]);
    let other = "--database-from DATABASE_URL --table 'other jobs' --args-form=text";
    let all = [&counted[..], &["--and-store", other]].concat();
    let refused = destroy(&operator, &folder, &id, &all);
    assert_eq!(code(&refused), 3, "{refused:?}");
    assert!(
        error(&refused).contains("need the key: 2"),
        "{}",
        error(&refused)
    );
    let rotate = ["rotate", &*folder, "--grace", "0s"];
    let refused = operator.keys(&[&rotate[..], &all].concat());
    assert_eq!(code(&refused), 3, "{refused:?}");
    assert!(error(&refused).contains("2 jobs"), "{}", error(&refused));

    for (options, why) in [
        ("--tabel x", "--tabel"),
        ("--table 'x", "quote"),
        ("--table nosuch", "nosuch"),
    ] {
        let refused = destroy(
            &operator,
            &folder,
            &id,
            &[&counted[..], &["--and-store", options]].concat(),
        );
        assert!([2, 6].contains(&code(&refused)), "{refused:?}");
        assert!(error(&refused).contains(why), "{}", error(&refused));
    }
    let alone = destroy(&operator, &folder, &id, &["--and-store", other]);
    assert_eq!(code(&alone), 2, "without --store nothing is counted");
    assert_eq!(code(&destroy(&operator, &folder, &id, &counted)), 0);
}

#[tokio::test]
async fn what_describes_jobs_is_refused_where_they_would_not_be_counted() {
    let (operator, folder, id) = retired().await;
    for options in [
        &TABLE[..],
        &["--schema", "app"],
        &["--database-from", "OTHER_URL"],
        &["--marker", "sealed"],
    ] {
        for command in [
            &["rotate", &*folder][..],
            &["destroy", &folder, &id, "--yes"],
        ] {
            let refused = operator.keys(&[command, options].concat());
            assert_eq!(code(&refused), 3, "{options:?}: {refused:?}");
            assert!(error(&refused).contains("--store"), "{}", error(&refused));
        }
    }
    let status = document(&operator.keys(&["status", &folder]));
    assert_eq!(status["generation"], 3, "nothing was changed");
}

#[tokio::test]
async fn a_standby_is_no_place_to_count() {
    let (_operator, folder, id) = retired().await;
    let server = PostgresServer::start(&env::temp_dir()).expect("a server starts");
    let mut connection = PgConnection::connect(&server.url())
        .await
        .expect("it connects");
    sqlx::raw_sql("create table jobs (id bigint primary key, kind text, args text)")
        .execute(&mut connection)
        .await
        .expect("the table is made");
    let standby = server.standby(&env::temp_dir()).expect("a standby starts");
    let counted = [&["--store"], &TABLE[..]].concat();
    for command in [
        &["rotate", &*folder][..],
        &["destroy", &folder, &id, "--yes"],
    ] {
        let arguments = [command, &counted].concat();
        let refused = keys(&standby.url(), &arguments);
        assert_eq!(code(&refused), 3, "{refused:?}");
        assert!(error(&refused).contains("replica"), "{}", error(&refused));
    }
    let arguments = [&["destroy", &folder, &id, "--yes"], &counted[..]].concat();
    let destroyed = keys(&server.url(), &arguments);
    assert_eq!(code(&destroyed), 0, "{destroyed:?}");
}
