use std::time::Duration;

use riverqueue::BoxError;
use sqlx::PgPool;
use tokio::{sync::watch, task::JoinHandle};

/// Looks again and again how long the command has had rows locked.
pub(crate) struct LockWatch {
    is_over: watch::Sender<bool>,
    task: JoinHandle<Result<Duration, sqlx::Error>>,
}

const INTERVAL: Duration = Duration::from_millis(1);

impl LockWatch {
    pub(crate) fn start(pool: PgPool) -> Self {
        let (is_over, over) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while !*over.borrow() {
                // Whoever locks rows has a transaction id; whoever only counts has none.
                let age: Option<f64> = sqlx::query_scalar(
                    "select max(extract(epoch from clock_timestamp() - xact_start))::float8
                     from pg_stat_activity
                     where application_name = 'jobcrypt' and backend_xid is not null",
                )
                .fetch_one(&pool)
                .await?;
                longest = longest.max(Duration::from_secs_f64(age.unwrap_or_default().max(0.0)));
                tokio::time::sleep(INTERVAL).await;
            }
            Ok(longest)
        });
        Self { is_over, task }
    }

    pub(crate) async fn finish(self) -> Result<Duration, BoxError> {
        self.is_over.send_replace(true);
        Ok(self.task.await??)
    }
}
