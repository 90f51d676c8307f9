use std::{io, time::Duration};

use crate::task::{Operation, Task};

/// One way to encrypt the args of jobs.
pub(crate) trait Candidate {
    /// What it can do, each under the name by which the results know it.
    fn names(&self) -> Vec<Name>;

    fn does(&self, operation: Operation) -> bool;

    /// What it says of itself, where it is a program of its own.
    fn version(&self) -> Option<(Who, String)> {
        None
    }

    /// Measures for about this long and returns the median time per job, in nanoseconds.
    fn measure(&mut self, name: Name, task: Task, duration: Duration) -> io::Result<f64>;
}

/// Who encrypts, with which cipher.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Name {
    pub(crate) who: Who,
    pub(crate) cipher: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Who {
    Jobcrypt,
    /// The bare primitive, one copy of the envelope, one nonce of the operating system.
    Limit,
    /// The best known crates, put together without a thought for speed.
    Naive,
    Go,
    Python,
    Node,
    Hammerwork,
    /// Nobody: what the machine can do.
    Machine,
}

impl Name {
    pub(crate) const fn new(who: Who, cipher: &'static str) -> Self {
        Self { who, cipher }
    }

    /// How a person reads it.
    pub(crate) fn title(self) -> String {
        match (self.who, self.cipher) {
            (Who::Jobcrypt, cipher) => format!("jobcrypt {cipher}"),
            (Who::Limit, cipher) => format!("limit {cipher}"),
            (Who::Naive, cipher) => format!("naive Rust {cipher}"),
            (Who::Go, _) => "Go, River's path (secretbox)".to_owned(),
            (Who::Python, "fernet") => "Python cryptography (fernet)".to_owned(),
            (Who::Python, _) => "Python PyNaCl (secretbox)".to_owned(),
            (Who::Machine, what) => format!("{what} alone"),
            (Who::Node, cipher) => format!("Node crypto ({cipher})"),
            (Who::Hammerwork, cipher) => format!("Hammerwork ({cipher})"),
        }
    }
}
