use crate::queue::Queue;

impl Queue {
    /// Puts back the jobs that are held aside, once somebody has mended why. Returns how many.
    pub(crate) async fn put_back(&self) -> Result<u64, sqlx::Error> {
        const PUT_BACK: &str = "update job set parked = null, due = now() where parked is not null";
        let done = sqlx::query(PUT_BACK).execute(&self.pool).await?;
        Ok(done.rows_affected())
    }
}
