use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use tower::{BoxError, Service, ServiceExt, service_fn};

use crate::job::{Failed, Job};

/// A queue in the table `job`. It knows nothing of encryption.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) pool: PgPool,
    /// How long a job waits that is to be tried again.
    pub(crate) retry_after: Duration,
}

impl Queue {
    /// Makes the table, if it is not there.
    pub(crate) async fn open(pool: PgPool) -> Result<Self, sqlx::Error> {
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&pool)
            .await?;
        Ok(Self {
            pool,
            retry_after: Duration::from_secs(10),
        })
    }

    /// The service that stores jobs, all or none, and returns their ids.
    pub(crate) fn store(
        &self,
    ) -> impl Service<Vec<Job>, Response = Vec<i64>, Error = BoxError, Future: Send> + Clone + use<>
    {
        let pool = self.pool.clone();
        service_fn(move |jobs: Vec<Job>| {
            let pool = pool.clone();
            async move { Ok(insert(&pool, &jobs).await?) }
        })
    }

    /// Hands the first job that is due to `worker`. Returns what came of it, or `None` where no job is
    /// due.
    ///
    /// The row is locked meanwhile, so other workers skip it; should this one die, the lock dies with
    /// its connection, and the job is due again.
    pub(crate) async fn work_one<S>(
        &self,
        worker: &mut S,
    ) -> Result<Option<Result<(), Failed>>, sqlx::Error>
    where
        S: Service<Job, Error = Failed, Future: Send, Response: Send> + Send,
    {
        let mut transaction = self.pool.begin().await?;
        let Some(job) = lock_one(&mut transaction).await? else {
            return Ok(None);
        };
        let id = job.id;
        let result = match worker.ready().await {
            Ok(ready) => ready.call(job).await.map(drop),
            Err(failed) => Err(failed),
        };
        self.finish(&mut transaction, id, &result).await?;
        transaction.commit().await?;
        Ok(Some(result))
    }

    /// A job that was not worked stays in the table, its args as they are.
    async fn finish(
        &self,
        connection: &mut PgConnection,
        id: i64,
        result: &Result<(), Failed>,
    ) -> Result<(), sqlx::Error> {
        const DONE: &str = "delete from job where id = $1";
        const LATER: &str = "update job set due = now() + make_interval(secs => $2) where id = $1";
        const PARK: &str = "update job set parked = $2 where id = $1";
        let query = match result {
            Ok(()) => sqlx::query(DONE).bind(id),
            Err(Failed::TryLater) => {
                let delay = self.retry_after.as_secs_f64();
                sqlx::query(LATER).bind(id).bind(delay)
            }
            Err(Failed::Park(reason)) => sqlx::query(PARK).bind(id).bind(reason),
        };
        query.execute(connection).await?;
        Ok(())
    }
}

async fn insert(pool: &PgPool, jobs: &[Job]) -> Result<Vec<i64>, sqlx::Error> {
    const INSERT: &str = "insert into job (kind, args, due)
        select kind, args::jsonb, now() + make_interval(secs => delay)
        from unnest($1::text[], $2::text[], $3::float8[]) as new (kind, args, delay)
        returning id";
    let column = |value: fn(&Job) -> &str| jobs.iter().map(value).collect::<Vec<_>>();
    let delays: Vec<_> = jobs.iter().map(|job| job.delay.as_secs_f64()).collect();
    sqlx::query_scalar(INSERT)
        .bind(column(|job| &job.kind))
        .bind(column(|job| &job.args))
        .bind(delays)
        .fetch_all(pool)
        .await
}

async fn lock_one(connection: &mut PgConnection) -> Result<Option<Job>, sqlx::Error> {
    const LOCK: &str = "select id, kind, args::text from job
        where parked is null and due <= now()
        order by due, id limit 1 for update skip locked";
    let row: Option<(i64, String, String)> =
        sqlx::query_as(LOCK).fetch_optional(connection).await?;
    Ok(row.map(|(id, kind, args)| Job {
        id,
        ..Job::new(&kind, &args)
    }))
}
