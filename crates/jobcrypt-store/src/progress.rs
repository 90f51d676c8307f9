use std::time::Duration;

/// How far a migration has come.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// How many jobs there were to move when it began.
    pub total: u64,
    /// How many rows were looked at.
    pub scanned: u64,
    /// How many jobs were moved.
    pub migrated: u64,
    /// Since when.
    pub elapsed: Duration,
}

impl Progress {
    /// Returns how many jobs are moved a second.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a rate is an estimate")]
    pub fn rate(&self) -> f64 {
        self.migrated as f64 / self.elapsed.as_secs_f64().max(0.001)
    }

    /// Returns how long the rest takes at that rate; `None` before the first job was moved.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a time left is an estimate")]
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.total.saturating_sub(self.migrated) as f64;
        Duration::try_from_secs_f64(left / self.rate()).ok()
    }
}
