use std::{collections::BTreeMap, fmt};

/// What became of the jobs, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The next number: all below it are stored.
    pub(crate) enqueued: usize,
    /// How often each was worked.
    pub(crate) worked: BTreeMap<usize, usize>,
    /// How often a job was put off for lack of its key.
    pub(crate) delayed: usize,
}

impl Counts {
    pub(crate) fn lost(&self) -> usize {
        let is_lost = |number: &usize| !self.worked.contains_key(number);
        (0..self.enqueued).filter(is_lost).count()
    }

    /// No process dies here, and none takes longer than its lease: then both queues promise to hand out
    /// each job once.
    fn doubled(&self) -> usize {
        self.worked.values().map(|times| times - 1).sum()
    }

    pub(crate) fn are_sound(&self) -> bool {
        self.lost() == 0 && self.doubled() == 0 && self.worked.len() == self.enqueued
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "enqueued {}", self.enqueued)?;
        writeln!(formatter, "worked {}", self.worked.len())?;
        writeln!(formatter, "delayed for lack of a key {}", self.delayed)?;
        writeln!(formatter, "lost {}", self.lost())?;
        write!(formatter, "doubled {}", self.doubled())
    }
}
