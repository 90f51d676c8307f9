use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::statistics::median;

/// Long enough that reading the clock does not count. The peers use the same.
const SHORTEST_SAMPLE: Duration = Duration::from_micros(200);

/// Calls for about this long and returns the median time of a call, in nanoseconds.
pub(crate) fn nanoseconds<T>(duration: Duration, mut call: impl FnMut() -> T) -> f64 {
    // Finding out how many calls make a sample warms up as well.
    let mut count = 1;
    while elapsed(count, &mut call) < SHORTEST_SAMPLE {
        count *= 2;
    }
    let mut samples = Vec::new();
    let start = Instant::now();
    while samples.is_empty() || start.elapsed() < duration {
        samples.push(elapsed(count, &mut call).as_secs_f64() * 1e9 / f64::from(count));
    }
    median(samples).expect("there is a sample at least")
}

fn elapsed<T>(count: u32, call: &mut impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        black_box(call());
    }
    start.elapsed()
}
