use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use crate::{
    candidate::{Candidate, Name, Who},
    task::{Operation, Task},
};

/// A program in another language that measures itself: one line in, the task; one line out, the
/// nanoseconds. It ends when its standard input does.
pub(crate) struct Peer {
    who: Who,
    ciphers: &'static [&'static str],
    operations: &'static [Operation],
    version: String,
    child: Child,
    tasks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What a peer can do.
pub(crate) struct Abilities {
    pub(crate) who: Who,
    pub(crate) ciphers: &'static [&'static str],
    pub(crate) operations: &'static [Operation],
}

impl Peer {
    /// Starts the program, which says its version first.
    pub(crate) fn start(abilities: &Abilities, command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let tasks = child.stdin.take();
        let answers = child.stdout.take().expect("it was made a pipe");
        let mut peer = Self {
            who: abilities.who,
            ciphers: abilities.ciphers,
            operations: abilities.operations,
            version: String::new(),
            child,
            tasks,
            answers: BufReader::new(answers),
        };
        peer.version = peer.answer()?;
        Ok(peer)
    }

    /// Adds to the version what the program does not know of itself.
    pub(crate) fn with_version(mut self, complete: impl FnOnce(&str) -> String) -> Self {
        self.version = complete(&self.version);
        self
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::Error::other(format!(
                "the peer {:?} ended; what it said stands above",
                self.who
            )));
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Candidate for Peer {
    fn names(&self) -> Vec<Name> {
        let name = |cipher: &&'static str| Name::new(self.who, cipher);
        self.ciphers.iter().map(name).collect()
    }

    fn does(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    fn version(&self) -> Option<(Who, String)> {
        Some((self.who, self.version.clone()))
    }

    fn measure(&mut self, name: Name, task: Task, duration: Duration) -> io::Result<f64> {
        let tasks = self.tasks.as_mut().expect("it is taken only in the end");
        writeln!(
            tasks,
            "{} {} {} {}",
            name.cipher,
            task.operation.name(),
            task.size,
            duration.as_millis()
        )?;
        tasks.flush()?;
        self.answer()?.parse().map_err(io::Error::other)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.tasks.take());
        let _ = self.child.wait();
    }
}
