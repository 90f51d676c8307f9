//! The example `quickstart`, run as a user runs it: what it leaves behind holds no secret.

mod job_file;
mod needles;
mod program;

use std::fs;

use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use workbench::Database;

use crate::{needles::Needles, program::quickstart};

/// What is left behind in a folder, all bytes of all files.
fn bytes_of(folder: &TempDir) -> Vec<u8> {
    fs::read_dir(folder)
        .expect("the folder can be read")
        .flat_map(|file| {
            let path = file.expect("the folder can be listed").path();
            fs::read(path).expect("it is a file")
        })
        .collect()
}

fn names_in(folder: &TempDir) -> Vec<String> {
    fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|file| file.expect("the folder can be listed").file_name())
        .map(|name| name.into_string().expect("the name is text"))
        .collect()
}

fn assert_holds_no_secret(stored: &[u8]) {
    let found = Needles::of_sealed_kinds().found_in(stored);
    assert!(found.is_empty(), "found {} secrets: {found:?}", found.len());
    let readable = Needles::of_readable_kind().found_in(stored);
    assert!(!readable.is_empty(), "the search finds nothing at all");
}

#[tokio::test]
async fn sqlite_file_holds_no_secret_and_exactly_the_sealed_jobs_sealed() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let run = quickstart(["--db", "q.sqlite3"], &folder);
    run.assert_success();
    assert_eq!(names_in(&folder), ["q.sqlite3"]);
    assert_holds_no_secret(&bytes_of(&folder));

    let mut database = SqliteConnectOptions::new()
        .filename(folder.path().join("q.sqlite3"))
        .connect()
        .await
        .expect("the database opens");
    let count = async |database: &mut SqliteConnection, condition: &str| -> i64 {
        let query = format!("select count(*) from river_job where {condition}");
        sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(database)
            .await
            .expect("the jobs can be counted")
    };
    let sealed = "json_extract(json(args), '$.river_encrypt') like 'jc1.%'";
    let (sealed_in_file, all_in_file) = job_file::counts();
    assert_eq!(count(&mut database, sealed).await, sealed_in_file);
    assert_eq!(count(&mut database, "true").await, all_in_file);
    let wrong = format!("(kind = 'rebuild_index') = coalesce({sealed}, false)");
    assert_eq!(count(&mut database, &wrong).await, 0);
}

#[test]
fn sqlite_file_that_exists_is_refused_and_left_as_it_is() {
    for file in ["q.sqlite3", "q.sqlite3-wal"] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join(file), "mine").expect("the file can be written");
        let run = quickstart(["--db", "q.sqlite3"], &folder);
        assert_eq!(run.code, Some(1));
        let hint = format!("{file} exists already");
        assert!(run.errors.contains(&hint), "{}", run.errors);
        assert!(run.errors.contains("name another path"), "{}", run.errors);
        assert_eq!(names_in(&folder), [file]);
        assert_eq!(bytes_of(&folder), b"mine");
    }
}

#[test]
fn nothing_is_left_behind_unless_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    quickstart([], &folder).assert_success();
    assert!(names_in(&folder).is_empty());
}

#[test]
fn a_second_run_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    quickstart(["--db", "q.sqlite3"], &folder).assert_success();
    let before = bytes_of(&folder);
    let run = quickstart(["--db", "q.sqlite3"], &folder);
    assert_eq!(run.code, Some(1));
    assert_eq!(bytes_of(&folder), before);
}

#[tokio::test]
async fn postgres_schema_holds_no_secret_and_exactly_the_sealed_jobs_sealed() {
    let (pool, url) = postgres().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    quickstart(["--postgres", &url, "--keep"], &folder).assert_success();

    let schemas = schemas_of_quickstart(&pool).await;
    let [schema] = &schemas[..] else {
        panic!("one schema is kept, not {schemas:?}");
    };
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables where table_schema = $1",
    )
    .bind(schema)
    .fetch_all(&pool)
    .await
    .expect("the tables can be listed");
    assert!(tables.contains(&"river_job".to_owned()), "{tables:?}");
    let mut stored = String::new();
    for table in tables {
        let query = format!("select to_jsonb(r)::text from {schema}.{table} r");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_all(&pool)
            .await
            .expect("the rows can be read");
        stored.extend(rows);
    }
    assert_holds_no_secret(stored.as_bytes());

    let query = format!(
        "select count(*) filter (where args ->> 'river_encrypt' like 'jc1.%'), count(*),
            count(*) filter (where (kind = 'rebuild_index') = (args ? 'river_encrypt'))
            from {schema}.river_job"
    );
    let (sealed, all, wrong): (i64, i64, i64) = sqlx::query_as(AssertSqlSafe(query))
        .fetch_one(&pool)
        .await
        .expect("the jobs can be counted");
    assert_eq!((sealed, all), job_file::counts());
    assert_eq!(wrong, 0);
}

#[tokio::test]
async fn postgres_server_is_left_as_it_was() {
    let (pool, url) = postgres().await;
    let own = "insert into river_job (kind, args, max_attempts, queue, state)
        values ('their_own', '{}', 25, 'default', 'available')";
    sqlx::query(own)
        .execute(&pool)
        .await
        .expect("a job of another app can be inserted");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    quickstart(["--postgres", &url], &folder).assert_success();

    assert!(schemas_of_quickstart(&pool).await.is_empty());
    let jobs: Vec<(String, String)> = sqlx::query_as("select kind, state::text from river_job")
        .fetch_all(&pool)
        .await
        .expect("the jobs can be read");
    assert_eq!(jobs, [("their_own".to_owned(), "available".to_owned())]);
}

#[test]
fn a_server_that_cannot_be_reached_is_named_as_the_cause_without_the_password() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // Port 1 of this machine is refused at once.
    let url = "postgres://someone:hunter2@127.0.0.1:1/none";
    let run = quickstart(["--postgres", url], &folder);
    assert_eq!(run.code, Some(1));
    assert!(run.errors.contains("--postgres"), "{}", run.errors);
    assert!(!run.errors.contains("hunter2"));
}

/// A new database that holds River's tables already, as an app's does.
async fn postgres() -> (PgPool, String) {
    let Database::Postgres(pool) = Database::postgres().await else {
        unreachable!("it was asked for PostgreSQL");
    };
    let url = pool.connect_options().to_url_lossy().to_string();
    (pool, url)
}

async fn schemas_of_quickstart(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select nspname::text from pg_namespace where nspname like 'jobcrypt%'")
        .fetch_all(pool)
        .await
        .expect("the schemas can be listed")
}
