use crate::{
    candidate::{Name, Who},
    cipher::CIPHERS,
    comparison::{HAMMERWORK, PYTHON_FERNET, RIVER},
    numbers,
    results::Results,
    task::{Operation, SIZES},
};

/// A ratio of two times that is to be reached at each size.
struct Target {
    what: String,
    over: (Name, Operation),
    under: (Name, Operation),
    bounds: Vec<(usize, Bound)>,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The Go that the targets were set against; an older one is slower.
const GO: &str = "Go 1.27";

const RIVER_DATABASES: [&str; 2] = ["SQLite", "PostgreSQL"];

/// The least that is to be left of River's throughput with the plugin.
const SHARE_OF_RIVER: f64 = 0.97;

/// Returns a line for each target that is missed at some size, or could not be measured there.
pub(crate) fn missed(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(version) = results.version(Who::Go)
        && !version.starts_with(GO)
    {
        lines.push(format!(
            "the targets are set against {GO}, this is {version}"
        ));
    }
    let has_hammerwork = results.version(Who::Hammerwork).is_some();
    lines.extend(targets(has_hammerwork).iter().filter_map(|target| {
        let misses = target
            .bounds
            .iter()
            .filter_map(|(size, bound)| miss(target, *size, *bound, results));
        let misses: Vec<String> = misses.collect();
        (!misses.is_empty()).then(|| format!("{}: {}", target.what, misses.join(", ")))
    }));
    lines.extend(RIVER_DATABASES.iter().filter_map(|database| {
        let mut rivers = results.throughputs().iter();
        let Some(river) = rivers.find(|river| river.database == *database) else {
            return Some(format!("River on {database} not measured"));
        };
        (river.share < SHARE_OF_RIVER).then(|| {
            let share = river.share;
            format!("River on {database} with the plugin: {share:.3} < {SHARE_OF_RIVER}")
        })
    }));
    lines
}

/// Says by how much a bound is missed, if it is.
fn miss(target: &Target, size: usize, bound: Bound, results: &Results) -> Option<String> {
    let place = numbers::size(size);
    let Some(ratio) = results.ratio(target.over, target.under, size) else {
        return Some(format!("{place} not measured"));
    };
    match bound {
        Bound::AtLeast(least) if ratio < least => Some(format!("{place} {ratio:.3} < {least}")),
        Bound::AtMost(most) if ratio > most => Some(format!("{place} {ratio:.3} > {most}")),
        _ => None,
    }
}

/// Hammerwork is measured where asked for.
fn targets(has_hammerwork: bool) -> Vec<Target> {
    let mut targets = vec![
        against_river("secretbox", Operation::Seal, [0.9, 1.4, 2.6, 4.6, 5.5]),
        against_river("secretbox", Operation::Open, [1.5, 2.4, 4.5, 7.5, 9.0]),
        against_river("secretbox", Operation::SealBatch, [1.3, 2.0, 3.5, 5.0, 5.5]),
        against_river(
            "xchacha20poly1305",
            Operation::Seal,
            [0.9, 1.4, 2.6, 4.6, 5.5],
        ),
        against_river(
            "xchacha20poly1305",
            Operation::Open,
            [1.4, 2.4, 4.5, 7.5, 9.0],
        ),
        against_river("aes256gcm", Operation::Seal, [1.3, 2.1, 4.0, 8.0, 12.0]),
        against_river("aes256gcm", Operation::Open, [4.5, 6.0, 9.0, 14.0, 18.0]),
        against_python(Operation::Seal, [11.0, 9.0, 6.0, 4.3, 3.5]),
        against_python(Operation::Open, [25.0, 20.0, 13.0, 8.5, 5.5]),
    ];
    if has_hammerwork {
        targets.push(against_hammerwork(
            Operation::Seal,
            [4.0, 5.5, 8.0, 12.0, 20.0],
        ));
        targets.push(against_hammerwork(
            Operation::Open,
            [10.0, 11.0, 10.0, 14.0, 13.0],
        ));
    }
    for cipher in &CIPHERS {
        targets.push(over_the_limit(cipher.name, Operation::Seal));
        targets.push(over_the_limit(cipher.name, Operation::Open));
        targets.push(ten_keys(cipher.name));
        targets.push(two_threads(cipher.name));
    }
    targets
}

fn against_river(cipher: &'static str, operation: Operation, least: [f64; 5]) -> Target {
    let rivers = match operation {
        Operation::SealBatch => Operation::Seal,
        other => other,
    };
    Target {
        what: format!(
            "{cipher} {}, times faster than River's path",
            operation.name()
        ),
        over: (RIVER, rivers),
        under: (ours(cipher), operation),
        bounds: up_to_64_kib(least.map(Bound::AtLeast)),
    }
}

fn against_python(operation: Operation, least: [f64; 5]) -> Target {
    Target {
        what: format!("fernet {}, times faster than Python", operation.name()),
        over: (PYTHON_FERNET, operation),
        under: (ours("fernet"), operation),
        bounds: up_to_64_kib(least.map(Bound::AtLeast)),
    }
}

fn against_hammerwork(operation: Operation, least: [f64; 5]) -> Target {
    Target {
        what: format!(
            "aes256gcm {}, times faster than Hammerwork",
            operation.name()
        ),
        over: (HAMMERWORK, operation),
        under: (ours("aes256gcm"), operation),
        bounds: up_to_64_kib(least.map(Bound::AtLeast)),
    }
}

fn over_the_limit(cipher: &'static str, operation: Operation) -> Target {
    Target {
        what: format!("{cipher} {}, multiple of the limit", operation.name()),
        over: (ours(cipher), operation),
        under: (Name::new(Who::Limit, cipher), operation),
        bounds: up_to_64_kib([1.5, 1.4, 1.3, 1.2, 1.1].map(Bound::AtMost)),
    }
}

fn ten_keys(cipher: &'static str) -> Target {
    Target {
        what: format!("{cipher} open, 10 keys over 1"),
        over: (ours(cipher), Operation::OpenTenthKey),
        under: (ours(cipher), Operation::Open),
        bounds: up_to_64_kib([Bound::AtMost(1.05); 5]),
    }
}

fn two_threads(cipher: &'static str) -> Target {
    let [one, two] = [1, 2].map(|threads| Operation::RoundTrip { threads });
    Target {
        what: format!("{cipher}, 2 threads over 1"),
        over: (ours(cipher), one),
        under: (ours(cipher), two),
        bounds: SIZES
            .into_iter()
            .filter(|size| one.is_measured_at(*size))
            .map(|size| (size, Bound::AtLeast(1.9)))
            .collect(),
    }
}

fn ours(cipher: &'static str) -> Name {
    Name::new(Who::Jobcrypt, cipher)
}

fn up_to_64_kib(bounds: [Bound; 5]) -> Vec<(usize, Bound)> {
    SIZES.into_iter().zip(bounds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Task;

    #[test]
    fn what_was_not_measured_is_missed() {
        let missed = missed(&Results::default());
        assert_eq!(missed.len(), targets(false).len() + RIVER_DATABASES.len());
        assert!(missed.iter().all(|line| line.ends_with(" not measured")));
    }

    #[test]
    fn a_bound_is_met_up_to_its_value() {
        let mut results = Results::default();
        let (operation, size) = (Operation::Seal, 64);
        let task = Task { operation, size };
        results.add(RIVER, task, 900.0);
        results.add(ours("secretbox"), task, 1000.0);
        let target = against_river("secretbox", operation, [0.9; 5]);
        let line = |bound| miss(&target, size, bound, &results);
        assert_eq!(line(Bound::AtLeast(0.9)), None);
        assert_eq!(line(Bound::AtLeast(1.0)).as_deref(), Some("64 B 0.900 < 1"));
        assert_eq!(line(Bound::AtMost(0.9)), None);
        assert!(line(Bound::AtMost(0.8)).is_some());
    }
}
