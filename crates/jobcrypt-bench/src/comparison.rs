use crate::{
    arithmetic::Arithmetic,
    candidate::{Name, Who},
    cipher::CIPHERS,
    numbers,
    results::Results,
    table::{Row, Table},
    task::{Operation, SIZES},
};

/// What the results say, as tables.
pub(crate) fn tables(results: &Results) -> Vec<Table> {
    [
        times("Seal, time per job", results, Operation::Seal),
        times("Open, time per job", results, Operation::Open),
        faster_than_river(results),
        faster_than_the_same_cipher(results),
        over_the_limit(results),
        other_times(results),
        keys_and_threads(results),
        throughput(results),
    ]
    .into_iter()
    .filter(|table| !table.rows.is_empty())
    .collect()
}

/// Everyone, in the order of the tables.
pub(crate) fn everyone() -> Vec<Name> {
    let ciphers = || CIPHERS.iter().map(|cipher| cipher.name);
    let ours = ciphers().map(|cipher| Name::new(Who::Jobcrypt, cipher));
    let limits = ciphers().map(|cipher| Name::new(Who::Limit, cipher));
    let naive = ciphers().map(|cipher| Name::new(Who::Naive, cipher));
    ours.chain([RIVER, PYNACL, PYTHON_FERNET, NODE, HAMMERWORK])
        .chain(naive)
        .chain(limits)
        .chain([Arithmetic::NAME])
        .collect()
}

pub(crate) const RIVER: Name = Name::new(Who::Go, "secretbox");
pub(crate) const PYTHON_FERNET: Name = Name::new(Who::Python, "fernet");
const PYNACL: Name = Name::new(Who::Python, "secretbox");
const NODE: Name = Name::new(Who::Node, "aes256gcm");
pub(crate) const HAMMERWORK: Name = Name::new(Who::Hammerwork, "aes256gcm");

fn times(title: &str, results: &Results, operation: Operation) -> Table {
    let rows = everyone().into_iter().map(|name| {
        row(name.title(), |size| {
            results.median(name, operation, size).map(numbers::time)
        })
    });
    table(title, rows)
}

fn faster_than_river(results: &Results) -> Table {
    let mut rows = Vec::new();
    for cipher in &CIPHERS {
        let ours = Name::new(Who::Jobcrypt, cipher.name);
        for (what, operation, peers) in [
            ("seal", Operation::Seal, Operation::Seal),
            ("seal, batch of 100", Operation::SealBatch, Operation::Seal),
            ("open", Operation::Open, Operation::Open),
        ] {
            rows.push(ratios(
                format!("{} {what}", cipher.name),
                results,
                (RIVER, peers),
                (ours, operation),
            ));
        }
    }
    table("Times faster than River's path in Go", rows)
}

fn faster_than_the_same_cipher(results: &Results) -> Table {
    let mut rows = Vec::new();
    for (what, operation) in [("seal", Operation::Seal), ("open", Operation::Open)] {
        for cipher in &CIPHERS {
            let ours = Name::new(Who::Jobcrypt, cipher.name);
            for who in [Who::Python, Who::Node, Who::Hammerwork, Who::Naive] {
                let peer = Name::new(who, cipher.name);
                rows.push(ratios(
                    format!("{what}, {}", peer.title()),
                    results,
                    (peer, operation),
                    (ours, operation),
                ));
            }
        }
    }
    table("Times faster than the same cipher elsewhere", rows)
}

fn over_the_limit(results: &Results) -> Table {
    let mut rows = Vec::new();
    for cipher in &CIPHERS {
        let ours = Name::new(Who::Jobcrypt, cipher.name);
        let limit = Name::new(Who::Limit, cipher.name);
        for (what, operation) in [("seal", Operation::Seal), ("open", Operation::Open)] {
            rows.push(ratios(
                format!("{} {what}", cipher.name),
                results,
                (ours, operation),
                (limit, operation),
            ));
        }
    }
    table("Time as a multiple of the limit", rows)
}

fn other_times(results: &Results) -> Table {
    let mut rows = Vec::new();
    for (what, operation) in [
        ("seal, batch of 100", Operation::SealBatch),
        ("open, last of 10 keys", Operation::OpenTenthKey),
        ("plaintext told apart", Operation::OpenPlaintext),
    ] {
        for name in everyone() {
            let title = if operation == Operation::OpenPlaintext && name.who == Who::Jobcrypt {
                "jobcrypt".to_owned()
            } else {
                name.title()
            };
            rows.push(row(format!("{what}, {title}"), |size| {
                results.median(name, operation, size).map(numbers::time)
            }));
        }
    }
    table("Batches, keys, plaintext, time per job", rows)
}

fn keys_and_threads(results: &Results) -> Table {
    let mut rows = Vec::new();
    for name in everyone() {
        rows.push(ratios(
            format!("open with 10 keys over 1, {}", name.title()),
            results,
            (name, Operation::OpenTenthKey),
            (name, Operation::Open),
        ));
    }
    for name in everyone() {
        rows.push(ratios(
            format!("2 threads over 1, {}", name.title()),
            results,
            (name, Operation::RoundTrip { threads: 1 }),
            (name, Operation::RoundTrip { threads: 2 }),
        ));
    }
    table("Keys (time) and threads (jobs per second)", rows)
}

fn throughput(results: &Results) -> Table {
    let rows = results.throughputs().iter().map(|river| Row {
        title: format!("River on {}", river.database),
        cells: [
            numbers::rate(river.without),
            numbers::rate(river.with),
            numbers::ratio(river.share),
            numbers::ratio(river.share_of_as_long),
        ]
        .map(Some)
        .into(),
    });
    Table {
        title: "Jobs per second, args of 1 KiB".to_owned(),
        columns: ["without", "with", "share", "as long"]
            .map(str::to_owned)
            .into(),
        rows: rows.collect(),
    }
}

fn ratios(
    title: String,
    results: &Results,
    slow: (Name, Operation),
    fast: (Name, Operation),
) -> Row {
    row(title, |size| {
        results.ratio(slow, fast, size).map(numbers::ratio)
    })
}

fn row(title: String, cell: impl Fn(usize) -> Option<String>) -> Row {
    Row {
        title,
        cells: SIZES.iter().map(|size| cell(*size)).collect(),
    }
}

/// Makes a table of the rows for which anything was measured.
fn table(title: &str, rows: impl IntoIterator<Item = Row>) -> Table {
    Table {
        title: title.to_owned(),
        columns: SIZES.iter().map(|size| numbers::size(*size)).collect(),
        rows: rows.into_iter().filter(|row| !row.is_empty()).collect(),
    }
}
