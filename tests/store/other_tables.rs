//! Tables that are not River's, in the shapes of other queues.

use std::collections::BTreeMap;

use jobcrypt::{
    EncryptHook,
    store::{Error, Form, MigrateOptions, Reveal, Selection, Store, Table},
};
use workbench::{Database, hook, on_both_databases};

use crate::{
    counting::{ARGS, primary, rotate, sealed},
    sinks::Lines,
};

async fn migrated(database: &Database, table: Table, hook: &EncryptHook) -> (u64, u64) {
    let store = Store::connect(&database.url(), [table])
        .await
        .expect("it is described as it is");
    let report = store
        .migrate(hook, &MigrateOptions::new(), &mut |_| {})
        .await
        .expect("it migrates");
    assert_eq!(report.unreadable, 0);
    let verified = store
        .verify(hook, &Selection::all())
        .await
        .expect("it reads");
    assert_eq!(verified.unreadable, 0);
    (report.migrated, report.left)
}

on_both_databases! {
    async fn bytes_as_apalis_keeps_them(database: Database) {
        let hook = hook();
        let stored = sealed(&hook, "email::Welcome");
        database.run(&match &database {
            Database::Postgres(_) => format!(
                "create schema apalis;
                 create table apalis.jobs (job bytea not null, id text primary key, job_type text not null,
                    status text not null default 'Pending', attempts int default 0, run_at timestamptz default now());
                 insert into apalis.jobs (job, id, job_type, status) values
                    (convert_to('{stored}', 'UTF8'), '01A', 'email::Welcome', 'Pending'),
                    (convert_to('{stored}', 'UTF8'), '01B', 'email::Welcome', 'Failed'),
                    (convert_to('{stored}', 'UTF8'), '01C', 'email::Welcome', 'Running'),
                    (convert_to('{ARGS}', 'UTF8'), '01D', 'email::Welcome', 'Pending'),
                    ('\\xff00fe', '01E', 'email::Welcome', 'Pending')"),
            Database::Sqlite(..) => format!(
                "create table Jobs (job blob not null, id text primary key, job_type text not null,
                    status text not null default 'Pending', attempts int default 0, run_at integer default 0);
                 insert into Jobs (job, id, job_type, status) values
                    (cast('{stored}' as blob), '01A', 'email::Welcome', 'Pending'),
                    (cast('{stored}' as blob), '01B', 'email::Welcome', 'Failed'),
                    (cast('{stored}' as blob), '01C', 'email::Welcome', 'Running'),
                    (cast('{ARGS}' as blob), '01D', 'email::Welcome', 'Pending'),
                    (x'ff00fe', '01E', 'email::Welcome', 'Pending')"),
        }).await;
        let old = rotate(&hook);
        let table = Table::new(match &database {
            Database::Postgres(_) => "apalis.jobs",
            Database::Sqlite(..) => "Jobs",
        })
        .kind("job_type")
        .args("job", Form::Bytes)
        .state("status")
        .running_state("Running")
        .created("run_at");
        assert_eq!(migrated(&database, table.clone(), &hook).await, (2, 1));
        let store = Store::connect(&database.url(), [table]).await.expect("it is there");
        let status = store.status().await.expect("it counts");
        assert_eq!(status.usage(), BTreeMap::from([(primary(&hook), 2), (old, 1)]));
        assert_eq!(status.plaintext(), 2);
        let shown = store.reveal(&hook, &Reveal::job("01A"), &Lines::default()).await.expect("it opens");
        assert_eq!(&**shown.args, ARGS);
    }

    async fn kinds_in_another_table_as_graphile_worker_keeps_them(database: Database) {
        let hook = hook();
        let stored = sealed(&hook, "send_email");
        let (schema, json) = match &database {
            Database::Postgres(_) => ("graphile_worker.", "json"),
            Database::Sqlite(..) => ("", "text"),
        };
        if matches!(database, Database::Postgres(_)) {
            database.run("create schema graphile_worker").await;
        }
        database.run(&format!(
            "create table {schema}_private_tasks (id int primary key, identifier text not null);
             create table {schema}_private_jobs (id bigint primary key, task_id int not null, payload {json} not null,
                locked_at timestamp, created_at timestamp default current_timestamp);
             insert into {schema}_private_tasks values (1, 'send_email'), (2, 'other');
             insert into {schema}_private_jobs (id, task_id, payload, locked_at) values
                (1, 1, '{stored}', null), (2, 1, '{stored}', current_timestamp), (3, 2, '{ARGS}', null)"
        )).await;
        rotate(&hook);
        let table = Table::new(format!("{schema}_private_jobs"))
            .kind_in("task_id", format!("{schema}_private_tasks"), "id", "identifier")
            .args("payload", Form::Json)
            .running_while_set("locked_at")
            .created("created_at");
        assert_eq!(migrated(&database, table.clone(), &hook).await, (1, 1));
        database.run(&format!("update {schema}_private_jobs set locked_at = null")).await;
        assert_eq!(migrated(&database, table, &hook).await, (1, 0));
    }

    async fn text_and_further_columns_of_a_home_made_table(database: Database) {
        let hook = hook();
        let stored = sealed(&hook, "report");
        database.run(&format!(
            "create table \"My Jobs\" (\"the id\" text primary key, kind text, args text, result text);
             insert into \"My Jobs\" values ('a', 'report', ' {{ \"river_encrypt\" : {}', '{stored}'),
                ('b', 'report', '{ARGS}', null), ('c', 'report', null, null)",
            &stored["{\"river_encrypt\":".len()..]
        )).await;
        let table = Table::new("My Jobs").id("the id").args("args", Form::Text).further("result", Form::Text);
        let store = Store::connect(&database.url(), [table.clone()]).await.expect("it is there");
        let status = store.status().await.expect("it counts");
        assert_eq!(status.usage(), BTreeMap::from([(primary(&hook), 2)]));
        let old = rotate(&hook);
        assert_eq!(migrated(&database, table, &hook).await, (1, 0));
        let status = store.status().await.expect("it counts");
        assert_eq!(
            status.usage(),
            BTreeMap::from([(primary(&hook), 1), (old, 1)]),
            "a further column is counted, not moved"
        );
    }

    async fn a_table_that_is_not_as_described_is_refused(database: Database) {
        let connect = |table| Store::connect_error(database.url(), table);
        assert!(matches!(connect(Table::new("no_such_table")).await, Error::NoTable(_)));
        let error = connect(Table::new("river_job").kind("no_such_column")).await;
        assert!(error.to_string().contains("no_such_column"), "{error}");
        assert!(matches!(
            connect(Table::new("river_job\"; drop table river_job; --")).await,
            Error::NoTable(_)
        ));
        assert_eq!(database.jobs().await, []);
    }
}

/// `Store` has no `Debug`, so `expect_err` does not fit.
trait ConnectError {
    async fn connect_error(url: String, table: Table) -> Error;
}

impl ConnectError for Store {
    async fn connect_error(url: String, table: Table) -> Error {
        match Self::connect(&url, [table]).await {
            Ok(_) => panic!("it must be refused"),
            Err(error) => error,
        }
    }
}

#[tokio::test]
async fn a_url_of_another_database_is_refused() {
    for url in ["mysql://localhost/app", "nonsense", ""] {
        let error = Store::connect_error(url.to_owned(), Table::river()).await;
        assert!(matches!(error, Error::Url), "{error}");
    }
}

#[tokio::test]
async fn tokens_in_a_further_column_are_found_whatever_its_type() {
    let database = Database::postgres().await;
    let hook = hook();
    let stored = sealed(&hook, "send_email");
    database
        .run(&format!(
            "create table jobs (id int primary key, kind text, args jsonb, a bytea, b jsonb, c json, d text);
             insert into jobs values
                (1, 'send_email', '{{}}', convert_to('{stored}', 'UTF8'), '{stored}', '{stored}', '{stored}')"
        ))
        .await;
    let columns = ["a", "b", "c", "d"];
    let table = Table::new("jobs");
    let table = columns
        .iter()
        .fold(table, |table, name| table.further(*name, Form::Text));
    let store = Store::connect(&database.url(), [table]).await;
    let store = store.expect("it is described as it is");
    let status = store.status().await.expect("it counts");
    assert_eq!(status.usage(), BTreeMap::from([(primary(&hook), 4)]));
    let jobs = store.inspect(&Selection::all(), 1).await.expect("it reads");
    assert_eq!(jobs[0].tokens.len(), 4);
}
