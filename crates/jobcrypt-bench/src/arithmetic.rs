use std::{hint::black_box, io, time::Duration};

use crate::{
    candidate::{Candidate, Name, Who},
    task::{Operation, Task},
    threads,
};

/// Arithmetic that touches no memory: what a second thread gains on this machine at best, at this
/// moment. Where it gains little, somebody else has the other core.
pub(crate) struct Arithmetic;

impl Arithmetic {
    pub(crate) const NAME: Name = Name::new(Who::Machine, "arithmetic");
}

impl Candidate for Arithmetic {
    fn names(&self) -> Vec<Name> {
        vec![Self::NAME]
    }

    fn does(&self, operation: Operation) -> bool {
        matches!(operation, Operation::RoundTrip { .. })
    }

    fn measure(&mut self, _: Name, task: Task, duration: Duration) -> io::Result<f64> {
        let Operation::RoundTrip { threads } = task.operation else {
            return Err(io::Error::other("arithmetic measures threads only"));
        };
        Ok(threads::nanoseconds(threads, duration, || {
            (0..1024_u64).fold(black_box(1), |sum: u64, step| {
                black_box(sum.wrapping_mul(31).wrapping_add(step))
            })
        }))
    }
}
