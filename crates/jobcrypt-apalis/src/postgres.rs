use apalis_core::{backend::BackendConfig, error::BoxDynError};
use apalis_postgres::{PgPool, PostgresStorage};
use futures_util::FutureExt;

use crate::{
    Store,
    refusal::{Fate, Refuse, Refused},
    store::is_ours::IsOurs,
};

impl<A: Unpin + Send + Sync + 'static> IsOurs for PostgresStorage<A> {}

impl<A: Unpin + Send + Sync + 'static> Store for PostgresStorage<A> {
    fn in_queue(self, kind: &str) -> Self {
        let config = BackendConfig::config(&self).clone().queue(kind);
        self.with_config(config)
    }

    fn refuse(&self) -> Refuse {
        let pool = self.pool().clone();
        Refuse::new(move |refused| write(pool.clone(), refused).boxed())
    }
}

/// Nothing of it touches `job` or `attempts`. A job that its worker lost meanwhile stays as it is.
const GIVE_BACK: &str = "
    update apalis.jobs
    set status = 'Pending', lock_by = null, lock_at = null, done_at = null,
        run_at = coalesce(to_timestamp($3::bigint), run_at),
        last_result = coalesce($4::text::jsonb, last_result),
        metadata = case when $5::text is null
            then delete(metadata, 'jobcrypt.waiting')
            else coalesce(metadata, ''::hstore) || hstore('jobcrypt.waiting', $5::text) end
    where id = $1 and lock_by = $2";

const FORGET: &str = "
    update apalis.jobs set metadata = delete(metadata, 'jobcrypt.waiting')
    where id = $1 and lock_by = $2";

async fn write(pool: PgPool, refused: Refused) -> Result<(), BoxDynError> {
    let query = match refused.fate {
        Fate::Opened => sqlx::query(FORGET),
        _ => sqlx::query(GIVE_BACK),
    };
    let query = query.bind(&refused.id).bind(&refused.worker);
    let query = match refused.fate {
        Fate::Opened => query,
        _ => query
            .bind(refused.due().and_then(|due| i64::try_from(due).ok()))
            .bind(refused.result())
            .bind(refused.waiting()),
    };
    query.execute(&pool).await?;
    Ok(())
}
