use std::time::Duration;

/// The app's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) park_after: Duration,
    pub(crate) refused: Refused,
    /// Whether the words of workers are sealed before they are stored.
    pub(crate) seals_errors: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// Left to River's own cancellation.
    Cancel,
    Park,
}
