use jobcrypt_core::{JobContext, Payload};

/// A job, as a queue hands it from one service to the next: the one trait that a queue author
/// implements.
///
/// ```
/// use jobcrypt_core::JobContext;
/// use jobcrypt_tower::JobRequest;
///
/// struct Row {
///     id: i64,
///     kind: String,
///     args: Vec<u8>,
/// }
///
/// impl JobRequest for Row {
///     type Args = Vec<u8>;
///
///     fn context(&self) -> JobContext<'_> {
///         JobContext::new(&self.kind)
///     }
///
///     fn args(&self) -> &Vec<u8> {
///         &self.args
///     }
///
///     fn args_mut(&mut self) -> &mut Vec<u8> {
///         &mut self.args
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a job that jobcrypt can seal and open",
    note = "implement `JobRequest` for the type that your queue hands to its services"
)]
pub trait JobRequest {
    /// How the queue carries args.
    type Args: Payload;

    /// Returns what the args are bound to: the job's kind, exactly as it is stored.
    ///
    /// Both ways must agree on it, so it must not come from a Rust type's path, which changes when a
    /// module moves, nor from an id that the store hands out later.
    fn context(&self) -> JobContext<'_>;

    /// Returns the args: readable outside of the layers, sealed between them.
    fn args(&self) -> &Self::Args;

    /// Returns the same args, to be replaced.
    fn args_mut(&mut self) -> &mut Self::Args;
}
