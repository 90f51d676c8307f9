use std::sync::LazyLock;

use apalis_postgres::{Config, PgPool, PostgresStorage};
use async_trait::async_trait;
use jobcrypt_testkit::{PostgresPrograms, PostgresServer};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use crate::bench::{Args, Engine, HEARTBEAT, Row, documented, worker_name};

static SERVER: LazyLock<PostgresServer> =
    LazyLock::new(|| PostgresServer::start(&std::env::temp_dir()).expect("PostgreSQL starts"));

/// A database of its own.
pub(crate) struct Postgres {
    pub(crate) pool: PgPool,
    pub(crate) url: String,
}

impl Postgres {
    pub(crate) fn typed<A>(&self) -> PostgresStorage<A> {
        PostgresStorage::new(&self.pool)
    }

    async fn update(&self, what: &str, ids: &[String]) {
        let sql = format!("update apalis.jobs set {what} where id = any($1)");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(ids);
        query
            .execute(&self.pool)
            .await
            .expect("the database takes it");
    }
}

#[async_trait]
impl Engine for Postgres {
    type Storage = PostgresStorage<Args>;

    async fn start() -> Self {
        let admin = PgPool::connect(&SERVER.url()).await.expect("it lets us in");
        let name = worker_name().replace('-', "_");
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&admin)
            .await
            .expect("the server makes a database");
        let server = SERVER.url();
        let (server, _) = server.rsplit_once('/').expect("a URL names a database");
        let url = format!("{server}/{name}");
        let pool = PgPool::connect(&url).await.expect("it lets us in");
        PostgresStorage::setup(&pool)
            .await
            .expect("apalis makes its tables");
        Self { pool, url }
    }

    fn storage(&self, _: &str) -> Self::Storage {
        PostgresStorage::new(&self.pool).with_config(Config::default().batch_size(1))
    }

    async fn watched_storage(url: &str) -> Self::Storage {
        let pool = PgPool::connect(url).await.expect("it lets us in");
        PostgresStorage::new(&pool).with_config(Config::default().heartbeat_interval(HEARTBEAT))
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    async fn rows(&self) -> Vec<Row> {
        let rows = sqlx::query(
            "select id, job_type, convert_from(job, 'UTF8') as job, status, attempts::bigint as attempts,
                coalesce(last_result::text, '') as result,
                extract(epoch from run_at - now())::bigint as due_in
             from apalis.jobs order by id",
        );
        let rows = rows
            .fetch_all(&self.pool)
            .await
            .expect("the table is there");
        let row = |row: &PgRow| Row {
            id: row.get("id"),
            kind: row.get("job_type"),
            args: row.get("job"),
            status: row.get("status"),
            attempts: row.get("attempts"),
            due_in: row.get("due_in"),
            // As the other stores write it, without the spaces of jsonb.
            result: row.get::<String, _>("result").replace("\": ", "\":"),
        };
        rows.iter().map(row).collect()
    }

    async fn due(&self) -> Vec<String> {
        let ids = sqlx::query_scalar(
            "select id from apalis.jobs
             where (status = 'Pending' or status = 'Failed' and attempts < max_attempts)
                and run_at <= now()
             order by run_at, id",
        );
        ids.fetch_all(&self.pool).await.expect("the table is there")
    }

    async fn put_first(&self, id: &str) {
        self.update("run_at = to_timestamp(0)", &[id.to_owned()])
            .await;
    }

    async fn hold(&self, ids: &[String]) {
        self.update("run_at = run_at + interval '1000 years'", ids)
            .await;
    }

    async fn free(&self, ids: &[String]) {
        self.update("run_at = run_at - interval '1000 years'", ids)
            .await;
    }

    async fn remove(&self, id: &str) {
        let query = sqlx::query("delete from apalis.jobs where id = $1").bind(id);
        query
            .execute(&self.pool)
            .await
            .expect("the database takes it");
    }

    async fn make_due(&self) {
        let query = sqlx::query(
            "update apalis.jobs set run_at = to_timestamp(1)
             where coalesce(last_result::text, '') not like '%jobcrypt: parked;%'",
        );
        query
            .execute(&self.pool)
            .await
            .expect("the database takes it");
    }

    async fn put_back(&self) {
        let done = sqlx::query(documented("update apalis.jobs"))
            .execute(&self.pool)
            .await;
        done.expect("the database takes it");
    }

    async fn dump(&self) -> Vec<u8> {
        let programs = PostgresPrograms::find().expect("a server is running");
        programs.dump(&self.url, None).expect("pg_dump dumps it")
    }
}
