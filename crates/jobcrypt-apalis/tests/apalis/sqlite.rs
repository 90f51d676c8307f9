use std::path::PathBuf;

use apalis_sqlite::{Config, SqlitePool, SqliteStorage};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row as _};

use crate::bench::{Args, Engine, HEARTBEAT, Row, documented, worker_name};

/// A file of its own.
pub(crate) struct Sqlite {
    pub(crate) pool: SqlitePool,
    pub(crate) url: String,
    folder: PathBuf,
}

impl Sqlite {
    pub(crate) fn typed<A>(&self) -> SqliteStorage<A> {
        SqliteStorage::new(&self.pool)
    }

    async fn execute(&self, sql: String, ids: &[String]) {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if !ids.is_empty() {
            query = query.bind(serde_json::to_string(ids).expect("ids are text"));
        }
        query
            .execute(&self.pool)
            .await
            .expect("the database takes it");
    }
}

const IDS: &str = "(select value from json_each(?1))";
/// Longer than anything here waits.
const HELD: u64 = 1 << 40;

#[async_trait]
impl Engine for Sqlite {
    type Storage = SqliteStorage<Args>;

    async fn start() -> Self {
        let name = format!("jobcrypt-apalis-{}-{}", std::process::id(), worker_name());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("there is a folder for what is temporary");
        let url = format!("sqlite://{}", folder.join("jobs.sqlite3").display());
        let pool = SqlitePool::connect(&format!("{url}?mode=rwc")).await;
        let pool = pool.expect("SQLite makes a file");
        SqliteStorage::setup(&pool)
            .await
            .expect("apalis makes its tables");
        Self { pool, url, folder }
    }

    fn storage(&self, _: &str) -> Self::Storage {
        SqliteStorage::new(&self.pool).with_config(Config::default().batch_size(1))
    }

    async fn watched_storage(url: &str) -> Self::Storage {
        let pool = SqlitePool::connect(url).await.expect("the file is there");
        SqliteStorage::new(&pool).with_config(Config::default().heartbeat_interval(HEARTBEAT))
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    async fn rows(&self) -> Vec<Row> {
        let rows = sqlx::query(
            "select id, job_type, cast(job as text) as job, status, attempts,
                coalesce(last_result, '') as result, run_at - strftime('%s', 'now') as due_in
             from Jobs order by id",
        );
        let rows = rows
            .fetch_all(&self.pool)
            .await
            .expect("the table is there");
        let row = |row: &sqlx::sqlite::SqliteRow| Row {
            id: row.get("id"),
            kind: row.get("job_type"),
            args: row.get("job"),
            status: row.get("status"),
            attempts: row.get("attempts"),
            due_in: row.get("due_in"),
            result: row.get("result"),
        };
        rows.iter().map(row).collect()
    }

    async fn due(&self) -> Vec<String> {
        let ids = sqlx::query_scalar(
            "select id from Jobs
             where (status = 'Pending' and lock_by is null
                    or status = 'Failed' and attempts < max_attempts)
                and run_at <= strftime('%s', 'now') + 0
             order by run_at, id",
        );
        ids.fetch_all(&self.pool).await.expect("the table is there")
    }

    async fn put_first(&self, id: &str) {
        let sql = format!("update Jobs set run_at = 0 where id in {IDS}");
        self.execute(sql, &[id.to_owned()]).await;
    }

    async fn hold(&self, ids: &[String]) {
        if !ids.is_empty() {
            let sql = format!("update Jobs set run_at = run_at + {HELD} where id in {IDS}");
            self.execute(sql, ids).await;
        }
    }

    async fn free(&self, ids: &[String]) {
        if !ids.is_empty() {
            let sql = format!("update Jobs set run_at = run_at - {HELD} where id in {IDS}");
            self.execute(sql, ids).await;
        }
    }

    async fn remove(&self, id: &str) {
        self.execute(
            format!("delete from Jobs where id in {IDS}"),
            &[id.to_owned()],
        )
        .await;
    }

    async fn make_due(&self) {
        let sql = "update Jobs set run_at = 1
                   where coalesce(last_result, '') not like '%jobcrypt: parked;%'";
        self.execute(sql.to_owned(), &[]).await;
    }

    async fn put_back(&self) {
        self.execute(documented("update Jobs").to_owned(), &[])
            .await;
    }

    async fn dump(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for file in std::fs::read_dir(&self.folder).expect("the folder is there") {
            let file = file.expect("the folder can be read").path();
            bytes.extend(std::fs::read(file).expect("its files can be read"));
        }
        bytes
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
