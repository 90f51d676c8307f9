//! What the unique key of a job of River's was made of, found by making it again.

use jobcrypt_core::UniqueKeys;
use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    members::{self, Members},
    period,
};

/// What is known of a job whose key it is.
pub(super) struct UniqueJob<'a> {
    pub(super) unique_key: &'a [u8],
    pub(super) kind: &'a str,
    pub(super) queue: &'a [u8],
    /// As a worker gets them.
    pub(super) args: &'a str,
    /// As whoever reads the table sees them.
    pub(super) stored: &'a str,
    /// When it was made, and when it is due.
    pub(super) times: Vec<i64>,
}

/// What a key is made of: the options of one kind of jobs.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    has_kind: bool,
    args: Part,
    period: Option<u64>,
    has_queue: bool,
}

#[derive(Clone, Debug)]
enum Part {
    All,
    None,
    /// Those at these paths, in River's order.
    Some(Vec<Vec<String>>),
}

/// So many fields at most, unless they are all at the top and few.
const MOST_FIELDS: usize = 3;
const FEW: usize = 8;

impl Recipe {
    /// Looks for what made the key of this job.
    pub(super) fn find(job: &UniqueJob<'_>) -> Option<Self> {
        let beginnings = period::beginnings(&job.times);
        parts(job.args).into_iter().find_map(|args| {
            let text = args.written(job.args);
            [true, false].into_iter().find_map(|has_kind| {
                let hash = begin(job, has_kind, text.as_ref().map(|text| text.as_str()));
                let none = is_it(job, &hash, None).map(|has_queue| (has_queue, None));
                let (has_queue, period) = none.or_else(|| {
                    beginnings.iter().find_map(|(begins, period)| {
                        Some((is_it(job, &hash, Some(begins))?, Some(*period)))
                    })
                })?;
                Some(Self {
                    has_kind,
                    args: args.clone(),
                    period,
                    has_queue,
                })
            })
        })
    }

    /// Whether the key of this job was made so.
    pub(super) fn made(&self, job: &UniqueJob<'_>) -> bool {
        let text = self.args.written(job.args);
        let hash = begin(job, self.has_kind, text.as_ref().map(|text| text.as_str()));
        let is_made = |begins| is_it(job, &hash, begins) == Some(self.has_queue);
        match self.period {
            None => is_made(None),
            Some(period) => {
                let beginnings = period::beginnings_of(period, &job.times);
                beginnings.iter().any(|it| is_made(Some(it)))
            }
        }
    }

    /// Whether whoever reads the table can try what the args may be: some of what is hashed does not stand there, and none of it
    /// is a hash that takes a key.
    pub(super) fn is_guessable(&self, job: &UniqueJob<'_>) -> bool {
        let paths = match &self.args {
            Part::All => {
                let members = Members::of(job.args).0.into_iter();
                members.map(|(name, _)| vec![name]).collect()
            }
            Part::None => Vec::new(),
            Part::Some(paths) => paths.clone(),
        };
        let values = paths.iter().filter_map(|path| {
            let value = members::at(job.args, path)?;
            let same = |stored| {
                serde_json::from_str::<Value>(stored).ok() == serde_json::from_str(value).ok()
            };
            Some((value, members::at(job.stored, path).is_some_and(same)))
        });
        let values: Vec<_> = values.collect();
        // No escapes are in such a hash, so it stands between two quotes.
        let holds_hash = |value: &str| value.split('"').any(UniqueKeys::is_hash);
        let is_keyed = values.iter().any(|(value, _)| holds_hash(value));
        !is_keyed && values.iter().any(|(_, is_readable)| !is_readable)
    }
}

/// The part of what is hashed that no time and no queue changes.
fn begin(job: &UniqueJob<'_>, has_kind: bool, args: Option<&str>) -> Sha256 {
    let mut hash = Sha256::new();
    if has_kind {
        hash.update(b"&kind=");
        hash.update(job.kind);
    }
    if let Some(args) = args {
        hash.update(b"&args=");
        hash.update(args);
    }
    hash
}

/// Whether this makes the key, with the queue or without.
fn is_it(job: &UniqueJob<'_>, hash: &Sha256, begins: Option<&str>) -> Option<bool> {
    let mut hash = hash.clone();
    if let Some(begins) = begins {
        hash.update(b"&period=");
        hash.update(begins);
    }
    let of_queue = hash
        .clone()
        .chain_update(b"&queue=")
        .chain_update(job.queue);
    [(false, hash), (true, of_queue)]
        .into_iter()
        .find(|(_, hash)| hash.clone().finalize()[..] == *job.unique_key)
        .map(|(has_queue, _)| has_queue)
}

impl Part {
    /// What River hashes of args; `None` where it hashes none.
    fn written(&self, args: &str) -> Option<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        match self {
            Self::None => return None,
            Self::All => {
                let mut members = Members::of(args).0;
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name, Tree::Value(value.get())));
                Tree::Object(members.collect()).write(&mut text);
            }
            Self::Some(paths) => {
                let mut tree = Vec::new();
                for path in paths {
                    if let Some(value) = members::at(args, path) {
                        insert(&mut tree, path, value);
                    }
                }
                // Where none of them is there, nothing is hashed, not even braces.
                if !tree.is_empty() {
                    Tree::Object(tree).write(&mut text);
                }
            }
        }
        Some(text)
    }
}

enum Tree<'a> {
    Object(Vec<(String, Tree<'a>)>),
    Value(&'a str),
}

impl Tree<'_> {
    fn write(&self, text: &mut String) {
        match self {
            Self::Value(value) => text.push_str(value),
            Self::Object(members) => {
                text.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    write_name(name, text);
                    text.push(':');
                    value.write(text);
                }
                text.push('}');
            }
        }
    }
}

fn insert<'a>(members: &mut Vec<(String, Tree<'a>)>, path: &[String], value: &'a str) {
    let Some((name, below)) = path.split_first() else {
        return;
    };
    let at = members
        .iter()
        .position(|(it, _)| it == name)
        .unwrap_or_else(|| {
            members.push((name.clone(), Tree::Object(Vec::new())));
            members.len() - 1
        });
    match &mut members[at].1 {
        place if below.is_empty() => *place = Tree::Value(value),
        Tree::Object(members) => insert(members, below, value),
        Tree::Value(_) => {}
    }
}

/// As River writes names: those of printable ASCII as they are, whatever escapes the app used.
fn write_name(name: &str, text: &mut String) {
    let is_plain = |byte: u8| (b' '..=0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if name.bytes().all(is_plain) {
        text.extend(["\"", name, "\""]);
    } else {
        text.push_str(&Value::from(name).to_string());
    }
}

/// All that a job may be unique by, what is common first.
fn parts(args: &str) -> Vec<Part> {
    let all = members::paths(args);
    let mut parts = vec![Part::All, Part::None, Part::Some(Vec::new())];
    let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
    // Each set that is there grows by each path behind its last.
    let mut at = 0;
    while at < sets.len() {
        let set = sets[at].clone();
        at += 1;
        for next in set.last().map_or(0, |last| last + 1)..all.len() {
            let set = [&set[..], &[next]].concat();
            let is_small = set.len() <= MOST_FIELDS;
            if (is_small || is_at_the_top(&all, &set)) && !has_one_inside_another(&all, &set) {
                sets.push(set);
            }
        }
    }
    parts.extend(sets.into_iter().skip(1).map(|set| {
        let mut paths: Vec<_> = set.into_iter().map(|at| all[at].clone()).collect();
        paths.sort_by_key(|path| path.join("."));
        Part::Some(paths)
    }));
    parts
}

/// Whether all of a set are among few members of the args themselves.
fn is_at_the_top(all: &[Vec<String>], set: &[usize]) -> bool {
    let tops = all.iter().filter(|path| path.len() == 1).count();
    tops <= FEW && set.iter().all(|&at| all[at].len() == 1)
}

fn has_one_inside_another(all: &[Vec<String>], set: &[usize]) -> bool {
    set.iter().any(|&one| {
        let mut others = set.iter().filter(|&&other| other != one);
        others.any(|&other| all[other].starts_with(&all[one]))
    })
}
