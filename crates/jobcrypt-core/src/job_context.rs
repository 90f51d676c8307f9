use crate::Purpose;

/// Where in the world a sealed value belongs: the job's kind, what the value is for, and a detail.
///
/// All of it is bound into the token, together with the namespace of the hook.
///
/// ```
/// use jobcrypt_core::{JobContext, Purpose};
///
/// let args = JobContext::new("send_invoice");
/// assert_eq!(args.purpose(), Purpose::ARGS);
/// let output = args.with_purpose(Purpose::OUTPUT);
/// assert_eq!(output.kind(), "send_invoice");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct JobContext<'a> {
    kind: &'a str,
    purpose: Purpose,
    detail: &'a str,
}

impl<'a> JobContext<'a> {
    /// The args of a job of this `kind`, the kind as it is stored in the queue.
    #[must_use]
    pub const fn new(kind: &'a str) -> Self {
        Self {
            kind,
            purpose: Purpose::ARGS,
            detail: "",
        }
    }

    /// The same job, another purpose.
    #[must_use]
    pub const fn with_purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// The same purpose, narrowed to the value of this name.
    #[must_use]
    pub const fn with_detail(mut self, detail: &'a str) -> Self {
        self.detail = detail;
        self
    }

    /// Returns the job's kind.
    #[must_use]
    pub const fn kind(&self) -> &'a str {
        self.kind
    }

    /// Returns what the value is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Returns the detail, empty unless one was set.
    #[must_use]
    pub const fn detail(&self) -> &'a str {
        self.detail
    }
}
