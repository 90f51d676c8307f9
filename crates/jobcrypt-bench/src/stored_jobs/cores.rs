use std::{fs, io};

/// What all cores of the machine have done by now, in ticks.
pub(crate) struct Cores {
    busy: u64,
    all: u64,
}

impl Cores {
    pub(crate) fn look_at() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .filter_map(|ticks| ticks.parse().ok())
            .collect();
        let all = ticks.iter().take(8).sum();
        // User, nice, system, idle, waiting for a disk, and so on.
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Ok(Self {
            busy: all - idle,
            all,
        })
    }

    /// Returns the share of all cores that was busy since then: 1 is all of them.
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    pub(crate) fn busy_since(&self) -> io::Result<f64> {
        let now = Self::look_at()?;
        Ok((now.busy - self.busy) as f64 / (now.all - self.all).max(1) as f64)
    }
}
