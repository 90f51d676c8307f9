use jobcrypt_core::{JobContext, Payload};

/// A job, as a queue hands it from one service to the next: the one trait that a queue author
/// implements. For a struct as here, [`job_request!`](crate::job_request) writes it, and so does
/// `#[derive(JobRequest)]`, with the feature `derive`.
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

    /// Returns the args: readable in the app and at the worker, sealed between the layers.
    fn args(&self) -> &Self::Args;

    /// Returns the same args, to be replaced.
    fn args_mut(&mut self) -> &mut Self::Args;
}

/// Implements [`JobRequest`] for the common struct: one field holds the kind, another the args.
///
/// The field of the kind is whatever is `AsRef<str>`, that of the args whatever is
/// [`Payload`](jobcrypt_core::Payload).
///
/// ```
/// use jobcrypt_tower::{JobRequest, job_request};
///
/// struct Row {
///     id: i64,
///     kind: String,
///     args: Vec<u8>,
/// }
///
/// job_request!(Row { kind, args: Vec<u8> });
///
/// let row = Row { id: 1, kind: "send_letter".to_owned(), args: b"{}".to_vec() };
/// assert_eq!(row.context().kind(), "send_letter");
/// ```
#[macro_export]
macro_rules! job_request {
    ($job:ty { $kind:ident, $args:ident: $payload:ty $(,)? }) => {
        impl $crate::JobRequest for $job {
            type Args = $payload;

            fn context(&self) -> $crate::__JobContext<'_> {
                $crate::__JobContext::new(::core::convert::AsRef::<str>::as_ref(&self.$kind))
            }

            fn args(&self) -> &$payload {
                &self.$args
            }

            fn args_mut(&mut self) -> &mut $payload {
                &mut self.$args
            }
        }
    };
}
