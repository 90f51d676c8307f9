//! Counts by which a key is destroyed: a job whose insertion has not ended, and a database that is behind another.

use std::{env, time::Duration};

use jobcrypt::{
    EncryptHook,
    store::{Error, SafeToRemove, Status, Store, Table},
};
use jobcrypt_testkit::PostgresServer;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tokio::task::JoinHandle;
use workbench::{Database, hook, on_both_databases};

use crate::counting::{primary, rotate, sealed, store};

const SHORT: Duration = Duration::from_millis(50);
/// Far longer than anything here takes.
const LONG: Duration = Duration::from_mins(1);

/// A transaction that has inserted a job and does not end.
enum Insertion {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Insertion {
    async fn begin(database: &Database, hook: &EncryptHook) -> Self {
        let insert = AssertSqlSafe(format!(
            "{}; insert into river_job (kind, args, max_attempts) values ('charge_card', '{}', 25)",
            match database {
                Database::Postgres(_) => "begin",
                Database::Sqlite(..) => "begin immediate",
            },
            sealed(hook, "charge_card"),
        ));
        let url = database.url();
        match database {
            Database::Postgres(_) => {
                let mut connection = PgConnection::connect(&url).await.expect("it connects");
                let begun = sqlx::raw_sql(insert).execute(&mut connection).await;
                begun.expect("it inserts");
                Self::Postgres(connection)
            }
            Database::Sqlite(..) => {
                let mut connection = SqliteConnection::connect(&url).await.expect("it connects");
                let begun = sqlx::raw_sql(insert).execute(&mut connection).await;
                begun.expect("it inserts");
                Self::Sqlite(connection)
            }
        }
    }

    async fn commit(self) {
        match self {
            Self::Postgres(mut connection) => {
                let ended = sqlx::raw_sql("commit").execute(&mut connection).await;
                ended.expect("it commits");
            }
            Self::Sqlite(mut connection) => {
                let ended = sqlx::raw_sql("commit").execute(&mut connection).await;
                ended.expect("it commits");
            }
        }
    }
}

/// Begins to count, and returns once the count waits for the insertion; on SQLite once it has been begun.
async fn counting(database: &Database) -> JoinHandle<Result<Status, Error>> {
    let store = store(database).await;
    let count = tokio::spawn(async move { store.status_between_writes(LONG).await });
    if let Database::Postgres(pool) = database {
        let waits = "select exists(select from pg_locks where not granted and mode = 'ShareLock'
            and database = (select oid from pg_database where datname = current_database()))";
        while !sqlx::query_scalar::<_, bool>(waits)
            .fetch_one(pool)
            .await
            .expect("the locks can be read")
        {
            tokio::task::yield_now().await;
        }
    }
    count
}

on_both_databases! {
    async fn a_job_whose_insertion_has_not_ended_keeps_its_key(database: Database) {
        let hook = hook();
        let insertion = Insertion::begin(&database, &hook).await;
        let old = rotate(&hook);
        let store = store(&database).await;
        let status = store.status().await.expect("it counts what is committed");
        assert_eq!(status.safe_to_remove(old, None), SafeToRemove::Yes, "nobody can see it yet");
        let refused = store.status_between_writes(SHORT).await;
        assert!(matches!(&refused, Err(Error::StillWritten(table)) if table == "river_job"), "{refused:?}");
        assert!(refused.expect_err("it is").to_string().contains("try again"));

        let count = counting(&database).await;
        insertion.commit().await;
        let status = count.await.expect("it does not panic").expect("it counts");
        assert_eq!(status.safe_to_remove(old, None), SafeToRemove::StillNeeded(1));
    }

    async fn who_writes_meanwhile_is_held_no_longer_than_the_count_takes(database: Database) {
        let hook = hook();
        let store = store(&database).await;
        let counts = store.status_between_writes(LONG).await.expect("nobody writes");
        assert_eq!(counts.jobs(), 0);
        Insertion::begin(&database, &hook).await.commit().await;
        let counts = store.status_between_writes(LONG).await.expect("nobody writes");
        assert_eq!(counts.usage(), [(primary(&hook), 1)].into());
    }
}

#[tokio::test]
async fn who_may_not_keep_writers_away_is_told_so() {
    let database = Database::postgres().await;
    database
        .run(
            "create table jobs (id bigint primary key, kind text, args text);
             create role onlooker login; grant select on jobs to onlooker",
        )
        .await;
    let url = database.url().replace("postgres@", "onlooker@");
    let store = Store::connect(&url, [Table::new("jobs")])
        .await
        .expect("it may log in");
    assert_eq!(store.status().await.expect("it may read").jobs(), 0);
    let refused = store.status_between_writes(SHORT).await;
    assert!(
        matches!(&refused, Err(Error::MayNotLock(table)) if table == "jobs"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_standby_frees_no_key() {
    let folder = env::temp_dir();
    let server = PostgresServer::start(&folder).expect("a server starts");
    let mut connection = PgConnection::connect(&server.url())
        .await
        .expect("it connects");
    sqlx::raw_sql("create table jobs (id bigint primary key, kind text, args text)")
        .execute(&mut connection)
        .await
        .expect("the table is made");
    let standby = server.standby(&folder).expect("a standby starts");

    let url = standby.url();
    let behind = Store::connect(&url, [Table::new("jobs")])
        .await
        .expect("it can be read");
    let status = behind.status().await.expect("it counts");
    let stranger = primary(&hook());
    assert!(status.is_of_replica());
    assert_eq!(
        status.safe_to_remove(stranger, None),
        SafeToRemove::CountedOnReplica
    );
    let status = behind.status_between_writes(SHORT).await;
    assert!(status.expect("it counts as ever").is_of_replica());
}
