//! What is done to a log after it was written shows.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use jobcrypt_audit::{Checkpoint, FaultKind, JsonLines, Report, verify};
use jobcrypt_core::{AuditEvent, AuditSink, SecretKey};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nothing panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random numbers")
}

fn copy(key: &SecretKey) -> SecretKey {
    SecretKey::from_bytes(key.expose()).expect("it has 32 bytes")
}

/// The lines of a log with 8 events, chained under `key`.
fn log(key: Option<&SecretKey>) -> Vec<String> {
    let memory = Memory::default();
    let log = JsonLines::to(memory.clone());
    let log = match key {
        Some(key) => log.chained(copy(key)),
        None => log.chained_without_key(),
    };
    let log = log.open().expect("it opens");
    for jobs in 0..8 {
        log.record(&AuditEvent::RotateRefused { jobs });
    }
    drop(log);
    let bytes = memory.0.lock().expect("nothing panics").clone();
    let text = String::from_utf8(bytes).expect("a log is text");
    text.lines().map(ToOwned::to_owned).collect()
}

fn check(lines: &[String], key: Option<&SecretKey>) -> Report {
    let text = lines.join("\n") + "\n";
    verify(text.as_bytes(), key, &[]).expect("it is read")
}

/// The faults of a log, each with its line.
fn faults(lines: &[String], key: Option<&SecretKey>) -> Vec<(u64, FaultKind)> {
    let faults = check(lines, key).faults.into_iter();
    faults.map(|fault| (fault.line, fault.kind)).collect()
}

#[test]
fn a_log_as_it_was_written_has_no_fault() {
    let key = key();
    for key in [Some(&key), None] {
        let report = check(&log(key), key);
        assert_eq!(report.faults, []);
        assert_eq!((report.lines, report.unchained), (10, 0));
        let [chain] = &report.chains[..] else {
            panic!("it is one chain");
        };
        assert_eq!((chain.first, chain.last, chain.is_closed), (0, 9, true));
    }
}

#[test]
fn every_flipped_bit_of_a_line_is_a_fault_on_that_line() {
    let key = key();
    let lines = log(Some(&key));
    let line = lines[4].clone().into_bytes();
    for bit in 0..line.len() * 8 {
        let mut flipped = line.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut text: Vec<u8> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            text.extend(if at == 4 { &flipped } else { line.as_bytes() });
            text.push(b'\n');
        }
        let report = verify(&*text, Some(&key), &[]).expect("it is read");
        assert!(
            report
                .faults
                .iter()
                .any(|fault| (5..=6).contains(&fault.line)),
            "bit {bit} of {}",
            lines[4]
        );
    }
}

#[test]
fn lines_that_are_gone_moved_repeated_or_put_in_show() {
    let key = key();
    let lines = log(Some(&key));
    let mut gone = lines.clone();
    gone.drain(3..5);
    assert_eq!(
        faults(&gone, Some(&key)),
        [(4, FaultKind::Gap { missing: 2 })]
    );

    let mut moved = lines.clone();
    moved.swap(3, 4);
    assert_eq!(
        faults(&moved, Some(&key)),
        [
            (4, FaultKind::Gap { missing: 1 }),
            (5, FaultKind::OutOfOrder)
        ]
    );

    let mut repeated = lines.clone();
    repeated.insert(5, lines[4].clone());
    assert_eq!(faults(&repeated, Some(&key)), [(6, FaultKind::OutOfOrder)]);

    let mut torn = lines.clone();
    torn[9].truncate(40);
    assert_eq!(faults(&torn, Some(&key)), [(10, FaultKind::Malformed)]);
    assert!(!check(&torn, Some(&key)).chains[0].is_closed);
}

#[test]
fn a_chain_under_another_key_is_altered_from_its_first_line() {
    let (key, other) = (key(), key());
    let lines = log(Some(&key));
    assert_eq!(faults(&lines, Some(&other)).len(), 10);
    // Whoever has no key can neither follow the chain nor make it one without a key.
    assert_eq!(faults(&lines, None).len(), 10);
    assert_eq!(faults(&log(None), Some(&key)).len(), 10);
}

#[test]
fn an_end_that_was_cut_off_shows_by_a_checkpoint() {
    let key = key();
    let mut lines = log(Some(&key));
    let last: serde_json::Value = serde_json::from_str(&lines[9]).expect("it is JSON");
    let text = format!("{}:{}:{}", last["chain"], last["seq"], last["mac"]).replace('"', "");
    let checkpoint: Checkpoint = text.parse().expect("it has three parts");
    let check = |lines: &[String]| {
        let text = lines.join("\n") + "\n";
        verify(
            text.as_bytes(),
            Some(&key),
            std::slice::from_ref(&checkpoint),
        )
    };
    assert_eq!(check(&lines).expect("it is read").faults, []);
    lines.truncate(7);
    let report = check(&lines).expect("it is read");
    assert!(!report.chains[0].is_closed);
    assert_eq!(
        report.faults[0].kind,
        FaultKind::CheckpointMissing {
            checkpoint: checkpoint.to_string()
        }
    );
}

#[test]
fn chains_of_several_processes_in_one_file_are_followed_each() {
    let key = key();
    let (first, second) = (log(Some(&key)), log(Some(&key)));
    let mixed: Vec<String> = first
        .iter()
        .zip(&second)
        .flat_map(|(first, second)| [first.clone(), second.clone()])
        .collect();
    let report = check(&mixed, Some(&key));
    assert_eq!(report.faults, []);
    assert_eq!(report.chains.len(), 2);
}

#[test]
fn what_is_no_log_is_malformed_and_an_absurd_number_costs_nothing() {
    let lines = [
        "",
        "{}",
        "null",
        "{\"event\":1}",
        "\u{0}",
        r#"{"event":"x","seq":1}"#,
        r#"{"event":"x","chain":"c","seq":18446744073709551615,"sum":"x"}"#,
        r#"{"event":"x","chain":"c","seq":3,"sum":""#,
    ];
    let lines = lines.map(ToOwned::to_owned);
    let report = check(&lines, None);
    assert_eq!(
        report.faults.len(),
        lines.len() - 1,
        "a blank line says nothing"
    );
    // Each number is one that a log may have; all of them together would take hours.
    let absurd: Vec<_> = [100_000]
        .into_iter()
        .chain(std::iter::repeat_n(9_950_000, 10_000))
        .enumerate()
        .map(|(id, seq)| format!(r#"{{"event":"x","chain":"{id}","seq":{seq},"mac":"x"}}"#))
        .collect();
    assert_eq!(check(&absurd, Some(&key())).faults.len(), absurd.len());
}

#[test]
fn lines_that_were_taken_out_of_their_chain_show() {
    let key = key();
    let mut lines = log(Some(&key));
    for line in &mut lines[..5] {
        let (said, _) = line.split_once(",\"chain\"").expect("it is chained");
        *line = said.replace("\"jobs\":2", "\"jobs\":0") + "}";
    }
    let found = faults(&lines, Some(&key));
    let unchained = (1..=5).map(|line| (line, FaultKind::Unchained));
    let beginning = (6, FaultKind::BeginningMissing { missing: 5 });
    assert_eq!(found, unchained.chain([beginning]).collect::<Vec<_>>());
}

#[test]
fn a_beginning_that_was_cut_off_shows() {
    let key = key();
    let lines = log(Some(&key));
    let beginning = FaultKind::BeginningMissing { missing: 4 };
    assert_eq!(faults(&lines[4..], Some(&key)), [(1, beginning)]);
}

#[test]
fn a_line_that_was_put_in_leads_away_from_no_other() {
    let key = key();
    let mut lines = log(Some(&key));
    lines.insert(2, lines[2].replace("\"seq\":2", "\"seq\":7"));
    assert_eq!(faults(&lines, Some(&key)), [(3, FaultKind::Altered)]);
    lines[5] = lines[5].replace("\"jobs\":3", "\"jobs\":0");
    assert_eq!(
        faults(&lines, Some(&key)),
        [(3, FaultKind::Altered), (6, FaultKind::Altered)]
    );
}

#[test]
fn a_line_that_was_begun_twice_is_whole() {
    let key = key();
    let mut lines = log(Some(&key));
    lines.insert(4, lines[4][..30].to_owned());
    assert_eq!(faults(&lines, Some(&key)), []);
    // Among whatever else is none of the log's.
    let mut planted = lines.clone();
    planted.splice(5..5, vec!["{x".to_owned(); 63]);
    assert_eq!(faults(&planted, Some(&key)).len(), 63);
    planted.insert(5, "{x".to_owned());
    assert_eq!(
        faults(&planted, Some(&key)).len(),
        65,
        "it is too far behind"
    );
    lines[4].push('x');
    assert_eq!(faults(&lines, Some(&key)), [(5, FaultKind::Malformed)]);
}

#[test]
fn the_key_of_a_later_line_opens_no_earlier_one() {
    // The chain's rule, written down once more by itself: HMAC of the key before.
    use hmac::{Hmac, KeyInit, Mac};
    let mac = |key: &[u8], parts: &[&[u8]]| -> [u8; 32] {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("any length will do");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    let key = key();
    let lines = log(Some(&key));
    let first: serde_json::Value = serde_json::from_str(&lines[0]).expect("it is JSON");
    let id = first["chain"].as_str().expect("it is a text");
    let mut current = mac(key.expose(), &[b"jobcrypt/audit/chain/v1", id.as_bytes()]);
    for line in &lines {
        let (covered, rest) = line.rsplit_once(r#","mac":""#).expect("it has a MAC");
        let expected = mac(&current, &[b"line", covered.as_bytes()]);
        let expected = base64_simd::URL_SAFE_NO_PAD.encode_to_string(expected);
        assert_eq!(rest, format!("{expected}\"}}"));
        current = mac(&current, &[b"next"]);
    }
}
