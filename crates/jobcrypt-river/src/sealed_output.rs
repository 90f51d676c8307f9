use jobcrypt_core::{EncryptHook, Error, ErrorKind, JobContext, Purpose};
use riverqueue::{JobRow, WorkContext};
use serde::Serialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::attempt;

/// Records the output of a job sealed: the way out of [`WorkContext::record_output`], which stores plaintext and which no
/// plugin can look into.
///
/// ```
/// use jobcrypt_river::RecordSealedOutput;
/// use riverqueue::{BoxError, WorkContext, WorkOutcome};
///
/// async fn check_balance(context: WorkContext) -> Result<WorkOutcome, BoxError> {
///     context.record_sealed_output("17.20 EUR")?;
///     Ok(WorkOutcome::Complete)
/// }
/// ```
pub trait RecordSealedOutput {
    /// Seals an output for the kind of the job that is being worked, and records it where River has outputs. For kinds
    /// that are readable it is recorded as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] outside of a job that the plugin has opened, as in a task that a worker
    /// spawned: see [`seal_output`]. [`ErrorKind::Malformed`] when the output cannot be written as JSON or is
    /// longer than River takes. Those of [`EncryptHook::seal`].
    fn record_sealed_output(&self, output: impl Serialize) -> Result<(), Error>;
}

impl RecordSealedOutput for WorkContext {
    fn record_sealed_output(&self, output: impl Serialize) -> Result<(), Error> {
        let Some(attempt) = attempt::current() else {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "no job of the plugin is worked in this task; seal the output by `seal_output`",
            ));
        };
        let sealed = seal_output(&attempt.hook, &attempt.kind, output)?;
        #[expect(clippy::disallowed_methods, reason = "it is sealed")]
        let recorded = self.record_output(sealed);
        recorded.map_err(|_| Error::new(ErrorKind::Malformed, "River does not take this output"))
    }
}

/// Seals an output for jobs of this kind, to be given to [`WorkContext::record_output`]. For kinds that are readable it is
/// returned as it is.
///
/// # Errors
///
/// [`ErrorKind::Malformed`] when the output cannot be written as JSON, and those of [`EncryptHook::seal`].
pub fn seal_output(
    hook: &EncryptHook,
    kind: &str,
    output: impl Serialize,
) -> Result<Box<RawValue>, Error> {
    // Serde's own words may quote the output.
    let malformed = || Error::new(ErrorKind::Malformed, "the output cannot be written as JSON");
    let json = Zeroizing::new(serde_json::to_vec(&output).map_err(|_| malformed())?);
    let context = JobContext::new(kind).with_purpose(Purpose::OUTPUT);
    let stored = match hook.seal_bytes(&context, &json)? {
        Some(sealed) => sealed,
        None => json.to_vec(),
    };
    let text = String::from_utf8(stored).map_err(|_| malformed())?;
    RawValue::from_string(text).map_err(|_| malformed())
}

/// Returns the output of a job, opened if it was sealed; `None` where none was recorded.
///
/// # Errors
///
/// Those of [`EncryptHook::open`].
pub fn open_output(hook: &EncryptHook, job: &JobRow) -> Result<Option<Box<RawValue>>, Error> {
    let Some(output) = job.output() else {
        return Ok(None);
    };
    let context = JobContext::new(&job.kind).with_purpose(Purpose::OUTPUT);
    let mut output = output.to_owned();
    if hook.is_sealed(&context, output.get().as_bytes()) {
        hook.open(&context, &mut output)?;
    }
    Ok(Some(output))
}
