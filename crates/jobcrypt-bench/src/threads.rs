use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// How often a thread looks at the clock.
const BETWEEN_LOOKS: u32 = 16;

/// Calls on so many threads at once for about this long, and returns the time between two finished
/// calls, in nanoseconds.
pub(crate) fn nanoseconds<T>(threads: u32, duration: Duration, call: impl Fn() -> T + Sync) -> f64 {
    let (start, call) = (Barrier::new(threads as usize), &call);
    let calls_per_second: f64 = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    calls_per_second(duration, call)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("no call panics"))
            .sum()
    });
    1e9 / calls_per_second
}

fn calls_per_second<T>(duration: Duration, call: impl Fn() -> T) -> f64 {
    let start = Instant::now();
    let mut count = 0;
    loop {
        for _ in 0..BETWEEN_LOOKS {
            black_box(call());
        }
        count += BETWEEN_LOOKS;
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return f64::from(count) / elapsed.as_secs_f64();
        }
    }
}
