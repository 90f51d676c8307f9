use jobcrypt_core::{EncryptHook, ErrorKind, JobContext};
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
        // No reload here: River holds its insert transaction open, on SQLite the only writer.
        match self
            .0
            .open(&JobContext::new(&job.kind), &mut job.encoded_args)
        {
            // A unique job that was there before, in plaintext: it is handed back, not worked.
            Err(error) if error.kind() == ErrorKind::PlaintextRejected => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }
}
