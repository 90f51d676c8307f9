use std::time::Duration;

/// The app's settings for jobs that cannot be opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) park_after: Duration,
    pub(crate) refused: Refused,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// Left to River's own cancellation.
    Cancel,
    Park,
}
