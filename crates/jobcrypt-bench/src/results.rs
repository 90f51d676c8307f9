use std::collections::HashMap;

use crate::{
    candidate::{Name, Who},
    statistics::median,
    task::{Operation, Task},
    throughput::Throughput,
};

/// The time per job of each candidate in each round, in nanoseconds.
#[derive(Default)]
pub(crate) struct Results {
    rounds: HashMap<(Name, Task), Vec<f64>>,
    /// What the peers say of themselves.
    versions: HashMap<Who, String>,
    throughputs: Vec<Throughput>,
}

impl Results {
    pub(crate) fn add(&mut self, name: Name, task: Task, nanoseconds: f64) {
        self.rounds
            .entry((name, task))
            .or_default()
            .push(nanoseconds);
    }

    /// Returns the median of all rounds.
    pub(crate) fn median(&self, name: Name, operation: Operation, size: usize) -> Option<f64> {
        let rounds = self.rounds.get(&(name, Task { operation, size }))?;
        median(rounds.iter().copied())
    }

    /// Returns how many times as long `slow` takes as `fast` on args of this size: the median of the
    /// ratios within each round, so that a slow minute of the machine counts for neither.
    pub(crate) fn ratio(
        &self,
        (slow, slow_operation): (Name, Operation),
        (fast, fast_operation): (Name, Operation),
        size: usize,
    ) -> Option<f64> {
        let rounds = |name, operation| self.rounds.get(&(name, Task { operation, size }));
        let slow = rounds(slow, slow_operation)?.iter();
        median(
            slow.zip(rounds(fast, fast_operation)?)
                .map(|(slow, fast)| slow / fast),
        )
    }

    pub(crate) fn has(&self, name: Name, operation: Operation) -> bool {
        self.rounds
            .keys()
            .any(|(other, task)| *other == name && task.operation == operation)
    }

    pub(crate) fn set_throughputs(&mut self, throughputs: Vec<Throughput>) {
        self.throughputs = throughputs;
    }

    /// Returns what River does in a second, one entry for each database.
    pub(crate) fn throughputs(&self) -> &[Throughput] {
        &self.throughputs
    }

    pub(crate) fn set_version(&mut self, who: Who, version: String) {
        self.versions.insert(who, version);
    }

    pub(crate) fn version(&self, who: Who) -> Option<&str> {
        self.versions.get(&who).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_compares_round_with_round() {
        let (ours, peer) = (
            Name::new(Who::Jobcrypt, "secretbox"),
            Name::new(Who::Go, "secretbox"),
        );
        let task = Task {
            operation: Operation::Seal,
            size: 64,
        };
        let mut results = Results::default();
        // The machine is three times as slow in the last round, for both.
        for (nanoseconds, slower) in [(100.0, 1.0), (110.0, 1.0), (105.0, 3.0)] {
            results.add(ours, task, nanoseconds * slower);
            results.add(peer, task, 2.0 * nanoseconds * slower);
        }
        let seal = Operation::Seal;
        assert_eq!(results.median(ours, seal, 64), Some(110.0));
        assert_eq!(results.ratio((peer, seal), (ours, seal), 64), Some(2.0));
        assert_eq!(results.ratio((peer, seal), (ours, seal), 256), None);
    }
}
