use std::{any::Any, error::Error as StdError};

use async_trait::async_trait;
use jobcrypt_core::{EncryptHook, JobContext, Payload, Purpose};

/// Whatever a hook fails with; our own [`Error`](jobcrypt_core::Error) can be downcast to.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What a queue calls at the stations of each job: for queues that have no hooks of their own, which
/// then offer their users [`Hooks`](crate::Hooks).
///
/// `A` is how the queue carries args. Every method does nothing unless it is written. Where one fails,
/// the job goes no further, and what earlier hooks made of its args must be thrown away.
///
/// ```
/// use async_trait::async_trait;
/// use jobcrypt_core::JobContext;
/// use jobcrypt_tower::{BoxError, Hook};
///
/// struct RefuseLongArgs;
///
/// #[async_trait]
/// impl Hook<String> for RefuseLongArgs {
///     async fn on_enqueue(&self, context: &JobContext<'_>, args: &mut String) -> Result<(), BoxError> {
///         match args.len() {
///             0..=65_536 => Ok(()),
///             _ => Err(format!("the args of {} are too long", context.kind()).into()),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Hook<A: Payload + Send>: Any + Send + Sync {
    /// Before a job is stored. It may change the args.
    ///
    /// # Errors
    ///
    /// Whatever keeps the job from being stored.
    async fn on_enqueue(&self, _context: &JobContext<'_>, _args: &mut A) -> Result<(), BoxError> {
        Ok(())
    }

    /// Before a job is worked. It takes back what its `on_enqueue` did to the args.
    ///
    /// # Errors
    ///
    /// Whatever keeps the job from being worked.
    async fn on_dequeue(&self, _context: &JobContext<'_>, _args: &mut A) -> Result<(), BoxError> {
        Ok(())
    }

    /// After a job was worked, before its `output`, if the queue keeps one, is stored.
    ///
    /// # Errors
    ///
    /// Whatever keeps the output from being stored.
    async fn on_finish(
        &self,
        _context: &JobContext<'_>,
        _output: Option<&mut A>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Seals args and outputs, and opens args, reloading the keys once where none fits.
#[async_trait]
impl<A: Payload + Send> Hook<A> for EncryptHook {
    async fn on_enqueue(&self, context: &JobContext<'_>, args: &mut A) -> Result<(), BoxError> {
        self.seal(context, args)?;
        Ok(())
    }

    async fn on_dequeue(&self, context: &JobContext<'_>, args: &mut A) -> Result<(), BoxError> {
        self.open_or_reload(context, args).await?;
        Ok(())
    }

    async fn on_finish(
        &self,
        context: &JobContext<'_>,
        output: Option<&mut A>,
    ) -> Result<(), BoxError> {
        if let Some(output) = output {
            self.seal(&context.with_purpose(Purpose::OUTPUT), output)?;
        }
        Ok(())
    }
}
