use jobcrypt_core::{EncryptHook, JobContext};
use riverqueue::{BoxError, Hook, InsertContext, JobRow};

/// Seals what goes into the table, and opens what River hands back to the inserting app.
pub(crate) struct SealHook(EncryptHook);

impl SealHook {
    pub(crate) fn new(hook: EncryptHook) -> Self {
        Self(hook)
    }
}

impl Hook for SealHook {
    async fn insert_begin(&self, insert: &mut InsertContext) -> Result<(), BoxError> {
        self.0
            .seal(&JobContext::new(&insert.kind), &mut insert.encoded_args)?;
        Ok(())
    }

    async fn decode_insert_result(&self, job: &mut JobRow) -> Result<(), BoxError> {
        let context = JobContext::new(&job.kind);
        // Readable, or a unique job that was there before in plaintext: handed back, not worked.
        if !self
            .0
            .is_sealed(&context, job.encoded_args.get().as_bytes())
        {
            return Ok(());
        }
        // No reload here: River holds its insert transaction open, on SQLite the only writer.
        self.0.open(&context, &mut job.encoded_args)?;
        Ok(())
    }
}
