use std::{
    collections::{HashMap, VecDeque},
    io::{self, BufRead},
};

use jobcrypt_core::SecretKey;
use serde::{Deserialize, Serialize};

use crate::{
    Checkpoint,
    chain::{self, Links},
};

/// What [`verify`] found.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether a key was given. Without one only accidents show.
    pub is_keyed: bool,
    /// How many lines were read.
    pub lines: u64,
    /// How many lines are in no chain, so that nothing can be said of them. Under a key, each is a fault.
    pub unchained: u64,
    /// The chains, in the order in which they begin.
    pub chains: Vec<Chain>,
    /// What is wrong, in the order in which it was found.
    pub faults: Vec<Fault>,
}

/// The lines that one opening of a log wrote.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Chain {
    /// Its id.
    pub id: String,
    /// The number of its first line here: not 0 where older files of a log are gone.
    pub first: u64,
    /// The number of its last line here.
    pub last: u64,
    /// Whether its last line says that the log was closed. If not, the process died, still writes, or the end was cut
    /// off: a checkpoint that was kept elsewhere tells.
    pub is_closed: bool,
    /// How many events were lost because the log could not keep up, by its own account.
    pub lost: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// The number of the line, from 1; 0 for what is not there.
    pub line: u64,
    /// What it is.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What can be wrong with a log.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The line was changed, or written under another key.
    Altered,
    /// The chain begins with this line, and the lines before it are gone. That is as it should be where they are in older
    /// files which are not kept for ever.
    BeginningMissing {
        /// How many.
        missing: u64,
    },
    /// The line of a checkpoint is not there, or another one.
    CheckpointMissing {
        /// The checkpoint.
        checkpoint: String,
    },
    /// Lines before this one are gone.
    Gap {
        /// How many.
        missing: u64,
    },
    /// The line is no JSON, or torn.
    Malformed,
    /// The line's number was there before: it was repeated, or moved.
    OutOfOrder,
    /// The line is in no chain, and a key was given: it was put in, or its place in the chain was taken off, or the log was
    /// not chained when it was written.
    Unchained,
}

/// What a line says of its place.
#[derive(Deserialize)]
struct Place {
    event: String,
    chain: Option<String>,
    seq: Option<u64>,
    count: Option<u64>,
}

/// A chain as it is followed.
struct Followed {
    links: Links,
    place: usize,
}

/// More missing lines than any log has, in all of it, so that absurd numbers do not keep us busy.
const MOST_MISSING: u64 = 10_000_000;
/// Processes that write one file at once are no more.
const MOST_TORN: usize = 64;

/// Follows the chains of a log: whether its lines are as they were written, all there, and in order.
///
/// Files that belong together are read one after the other, oldest first. Without the key, chains that were made with
/// one cannot be followed, and all their lines are reported as altered; chains made without one show accidents only.
/// Each of the `checkpoints` must be there.
///
/// # Errors
///
/// When the log cannot be read.
///
/// ```
/// use jobcrypt_audit::{JsonLines, verify};
/// use jobcrypt_core::{AuditEvent, AuditSink, SecretKey};
///
/// let key = SecretKey::generate()?;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("audit.jsonl");
/// let log = JsonLines::append(&path).chained(SecretKey::from_bytes(key.expose())?).open()?;
/// log.record(&AuditEvent::RotateRefused { jobs: 3 });
/// drop(log);
///
/// let written = std::fs::read_to_string(&path)?;
/// assert!(verify(written.as_bytes(), Some(&key), &[])?.faults.is_empty());
/// let changed = written.replace(r#""jobs":3"#, r#""jobs":0"#);
/// assert_eq!(verify(changed.as_bytes(), Some(&key), &[])?.faults.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify(
    mut log: impl BufRead,
    key: Option<&SecretKey>,
    checkpoints: &[Checkpoint],
) -> io::Result<Report> {
    let mut check = Check {
        key,
        followed: HashMap::new(),
        report: Report {
            is_keyed: key.is_some(),
            ..Report::default()
        },
        missed: checkpoints.iter().collect(),
        torn: VecDeque::new(),
        may_miss: MOST_MISSING,
    };
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line)? > 0 {
        check.line(&line);
        line.clear();
    }
    Ok(check.finish())
}

struct Check<'a> {
    key: Option<&'a SecretKey>,
    followed: HashMap<String, Followed>,
    report: Report,
    /// Checkpoints whose line has not come by.
    missed: Vec<&'a Checkpoint>,
    /// The last lines that are no JSON, with their numbers: a write that failed in the middle is begun anew on a line
    /// that soon follows.
    torn: VecDeque<(u64, Vec<u8>)>,
    /// How many more lines may be missing.
    may_miss: u64,
}

impl Check<'_> {
    fn line(&mut self, line: &[u8]) {
        self.report.lines += 1;
        if line == b"\n" {
            return;
        }
        let text = line
            .strip_suffix(b"\n")
            .and_then(|line| std::str::from_utf8(line).ok());
        let place = text.and_then(|text| Some((text, serde_json::from_str::<Place>(text).ok()?)));
        let Some((text, place)) = place else {
            let begun = line.strip_suffix(b"\n").unwrap_or(line);
            self.torn.push_back((self.report.lines, begun.to_owned()));
            if self.torn.len() > MOST_TORN {
                self.torn.pop_front();
            }
            return self.fault(FaultKind::Malformed);
        };
        match (&place.chain, place.seq) {
            (Some(id), Some(seq)) => self.link(text, id, seq, &place),
            (None, None) => {
                self.report.unchained += 1;
                if self.key.is_some() {
                    self.fault(FaultKind::Unchained);
                }
            }
            _ => self.fault(FaultKind::Malformed),
        }
    }

    fn link(&mut self, text: &str, id: &str, seq: u64, place: &Place) {
        let Some((covered, mac)) = chain::split(text, self.key.is_some()) else {
            return self.fault(FaultKind::Altered);
        };
        let is_first = !self.followed.contains_key(id);
        if is_first {
            let links = Links::of(id.to_owned(), self.key);
            self.begin(id, links, seq);
        }
        let followed = self.followed.get_mut(id).expect("it is there by now");
        let Some(missing) = seq.checked_sub(followed.links.next()) else {
            return self.fault(FaultKind::OutOfOrder);
        };
        let Some(left) = self.may_miss.checked_sub(missing) else {
            return self.fault(FaultKind::Altered);
        };
        self.may_miss = left;
        let mut links = followed.links.clone();
        for _ in 0..missing {
            links.skip();
        }
        // Public by now: whoever checks a log has its key, and what he learns of a MAC is whether it fits.
        let is_genuine = links.pass(covered) == mac;
        // What is not genuine may lie about its number, and must not lead away from the lines that are.
        if !is_genuine && missing > 0 {
            return self.fault(FaultKind::Altered);
        }
        followed.links = links;
        let known = &mut self.report.chains[followed.place];
        known.last = seq;
        known.is_closed = is_genuine && place.event == "audit.closed";
        if is_genuine && place.event == "audit.lost" {
            known.lost += place.count.unwrap_or_default();
        }
        match missing {
            0 => {}
            missing if is_first => self.fault(FaultKind::BeginningMissing { missing }),
            missing => self.fault(FaultKind::Gap { missing }),
        }
        if !is_genuine {
            return self.fault(FaultKind::Altered);
        }
        self.missed
            .retain(|it| !(it.chain == id && it.seq == seq && it.mac == mac));
        let faults = &mut self.report.faults;
        self.torn.retain(|(line, begun)| {
            let is_whole_here = text.as_bytes().starts_with(begun);
            if is_whole_here {
                faults.retain(|fault| fault.line != *line);
            }
            !is_whole_here
        });
    }

    fn begin(&mut self, id: &str, links: Links, first: u64) {
        let place = self.report.chains.len();
        self.followed
            .insert(id.to_owned(), Followed { links, place });
        self.report.chains.push(Chain {
            id: id.to_owned(),
            first,
            last: first,
            is_closed: false,
            lost: 0,
        });
    }

    fn fault(&mut self, kind: FaultKind) {
        let line = self.report.lines;
        self.report.faults.push(Fault { line, kind });
    }

    fn finish(mut self) -> Report {
        for checkpoint in self.missed {
            self.report.faults.push(Fault {
                line: 0,
                kind: FaultKind::CheckpointMissing {
                    checkpoint: checkpoint.to_string(),
                },
            });
        }
        self.report
    }
}
