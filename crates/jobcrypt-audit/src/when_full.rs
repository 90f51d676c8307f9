use std::time::Duration;

/// What becomes of an event while the log cannot keep up: its disk is slow, full or gone.
///
/// Whatever is lost is counted, and the count is the first line that is written once it can be again.
///
/// ```
/// use std::time::Duration;
///
/// use jobcrypt_audit::WhenFull;
///
/// assert_eq!(WhenFull::default(), WhenFull::Lose);
/// let patient = WhenFull::Wait(Duration::from_millis(50));
/// # let _ = patient;
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WhenFull {
    /// It is lost at once, and no job is held up.
    #[default]
    Lose,
    /// The job waits this long for room, on its own thread; then the event is lost.
    Wait(Duration),
}

impl WhenFull {
    pub(crate) const fn patience(self) -> Duration {
        match self {
            Self::Lose => Duration::ZERO,
            Self::Wait(patience) => patience,
        }
    }
}
