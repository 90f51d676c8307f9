//! Figures as a person reads them, with three digits at most.

pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        ..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

pub(crate) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ..999.5 => format!("{} ns", digits(nanoseconds)),
        ..999_500.0 => format!("{} µs", digits(nanoseconds / 1e3)),
        _ => format!("{} ms", digits(nanoseconds / 1e6)),
    }
}

/// Of so many in a second.
pub(crate) fn rate(per_second: f64) -> String {
    format!("{per_second:.0}/s")
}

pub(crate) fn ratio(ratio: f64) -> String {
    digits(ratio)
}

fn digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        assert_eq!([64, 4096, 1 << 20].map(size), ["64 B", "4 KiB", "1 MiB"]);
        assert_eq!(time(84.25), "84.2 ns");
        assert_eq!(time(999.4), "999 ns");
        assert_eq!(time(1_234.0), "1.23 µs");
        assert_eq!(time(45_678.0), "45.7 µs");
        assert_eq!(time(6_100_000.0), "6.10 ms");
        assert_eq!(rate(4567.8), "4568/s");
        assert_eq!([0.912, 9.999, 117.4].map(ratio), ["0.91", "10.0", "117"]);
    }
}
