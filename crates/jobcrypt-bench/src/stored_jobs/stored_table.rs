use std::time::Duration;

use jobcrypt::{EncryptHook, JobContext, KeyId};
use jobcrypt_testkit::PostgresServer;
use riverqueue::{BoxError, migrate::PostgresMigrator};
use sqlx::{PgPool, postgres::PgPoolOptions};

/// A server with River's table, gone when dropped.
pub(crate) struct StoredTable {
    pub(crate) pool: PgPool,
    url: String,
    _server: PostgresServer,
}

/// The kind of the jobs that are only stored.
pub(crate) const KIND: &str = "send_letter";
/// How long the args of a stored job are.
pub(crate) const PAGE_ARGS: usize = 1024;

const ROWS_PER_INSERTION: usize = 2000;

impl StoredTable {
    pub(crate) async fn new() -> Result<Self, BoxError> {
        let server = PostgresServer::start(&std::env::temp_dir())?;
        let url = server.url();
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect(&url)
            .await?;
        PostgresMigrator::new(pool.clone()).migrate_up().await?;
        Ok(Self {
            pool,
            url,
            _server: server,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until a job is under this key that was under another.
    pub(crate) async fn until_jobs_move_to(&self, key: KeyId) -> Result<(), BoxError> {
        let key = key.to_string();
        loop {
            let first: String = sqlx::query_scalar(
                "select split_part(args->>'river_encrypt', '.', 3) from river_job
                 where kind = $1 order by id limit 1",
            )
            .bind(KIND)
            .fetch_one(&self.pool)
            .await?;
            if first == key {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Empties the table and stores so many sealed jobs, none of them due.
    pub(crate) async fn fill(&self, hook: &EncryptHook, rows: usize) -> Result<(), BoxError> {
        sqlx::query("truncate river_job")
            .execute(&self.pool)
            .await?;
        let begin = r#"{"to":"ada@example.com","text":""#;
        let args = format!("{begin}{}\"}}", "a".repeat(PAGE_ARGS - begin.len() - 2));
        let mut left = rows;
        while left > 0 {
            let count = left.min(ROWS_PER_INSERTION);
            let mut page = vec![args.clone(); count];
            let job = JobContext::new(KIND);
            hook.seal_batch(page.iter_mut().map(|args| (job, args)))?;
            sqlx::query(
                "insert into river_job (args, kind, max_attempts, state, scheduled_at)
                 select args::jsonb, $2, 25, 'scheduled', now() + interval '1 year'
                 from unnest($1::text[]) as args",
            )
            .bind(page)
            .bind(KIND)
            .execute(&self.pool)
            .await?;
            left -= count;
        }
        sqlx::query("vacuum analyze river_job")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
