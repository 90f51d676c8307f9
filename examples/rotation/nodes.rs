use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use jobcrypt::{Encryptor, SecretKey, ciphers::XChaCha20Poly1305};
use tempfile::TempDir;
use tower::BoxError;

use super::counts::Counts;

/// Far longer than any step takes.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Clone, Copy)]
pub(crate) enum Role {
    Producer,
    Worker,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Node {
    Producer,
    One,
    Two,
}

/// The processes, what they have said, and the keys of each.
pub(crate) struct Nodes {
    pub(crate) counts: Counts,
    /// Which worker worked each job.
    pub(crate) workers: Vec<Node>,
    /// Which of them has put a job off.
    delayed: Vec<Node>,
    processes: Vec<(Child, ChildStdin)>,
    said: Receiver<(Node, String)>,
    folder: TempDir,
}

/// The text of a key, and its id.
pub(crate) struct NewKey {
    text: String,
    id: String,
}

pub(crate) fn new_key() -> NewKey {
    let key = SecretKey::generate().expect("the system has random bytes");
    let text = key.to_base64().to_string();
    let id = XChaCha20Poly1305::new(key).key_id().to_string();
    NewKey { text, id }
}

impl Role {
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "produce" => Some(Self::Producer),
            "work" => Some(Self::Worker),
            _ => None,
        }
    }
}

impl Node {
    pub(crate) const ALL: [Self; 3] = [Self::One, Self::Two, Self::Producer];
    pub(crate) const WORKERS: [Self; 2] = [Self::One, Self::Two];

    fn role(self) -> &'static str {
        match self {
            Self::Producer => "produce",
            Self::One | Self::Two => "work",
        }
    }
}

impl Nodes {
    /// Starts all processes with these keys.
    pub(crate) fn start(url: &str, keys: &[&NewKey]) -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let (sender, said) = mpsc::channel();
        let mut processes = Vec::new();
        for node in Node::ALL {
            let path = file_of(folder.path(), node);
            write_keys(&path, keys)?;
            processes.push(start(node, url, &path, &sender)?);
        }
        Ok(Self {
            counts: Counts::default(),
            workers: Vec::new(),
            delayed: Vec::new(),
            processes,
            said,
            folder,
        })
    }

    /// Has the producer store more jobs, and waits until it has.
    pub(crate) fn enqueue(&mut self, jobs: usize) -> Result<(), BoxError> {
        let enqueued = self.counts.enqueued + jobs;
        self.tell(Node::Producer, &format!("enqueue {jobs}"))?;
        self.until(|nodes| nodes.counts.enqueued == enqueued)
    }

    /// Brings these keys to a node, and waits until it has them.
    pub(crate) fn bring(&mut self, node: Node, keys: &[&NewKey]) -> Result<(), BoxError> {
        write_keys(&file_of(self.folder.path(), node), keys)?;
        let ids: Vec<&str> = keys.iter().map(|key| &*key.id).collect();
        let expected = format!("keys {}", ids.join(" "));
        loop {
            self.tell(node, "keys")?;
            loop {
                let (by, line) = self.next()?;
                if by == node && line == expected {
                    return Ok(());
                }
                if by == node && line.starts_with("keys ") {
                    break;
                }
            }
        }
    }

    pub(crate) fn until_all_worked(&mut self) -> Result<(), BoxError> {
        self.until(|nodes| nodes.counts.lost() == 0)
    }

    /// Waits until each worker has put a job off.
    pub(crate) fn until_each_delayed(&mut self) -> Result<(), BoxError> {
        self.until(|nodes| {
            Node::WORKERS
                .iter()
                .all(|node| nodes.delayed.contains(node))
        })
    }

    /// Ends the processes, and hears what they say last.
    pub(crate) fn stop(mut self) -> Result<Counts, BoxError> {
        for (mut process, commands) in std::mem::take(&mut self.processes) {
            drop(commands);
            let status = process.wait()?;
            if !status.success() {
                return Err(format!("a process failed: {status}").into());
            }
        }
        while let Ok((node, line)) = self.said.recv() {
            self.hear(node, &line)?;
        }
        Ok(std::mem::take(&mut self.counts))
    }

    fn tell(&mut self, node: Node, command: &str) -> Result<(), BoxError> {
        let at = Node::ALL.iter().position(|one| *one == node);
        let (_, commands) = &mut self.processes[at.expect("it is one of them")];
        Ok(writeln!(commands, "{command}")?)
    }

    fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> Result<(), BoxError> {
        while !is_so(self) {
            self.next()?;
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(Node, String), BoxError> {
        let next = self.said.recv_timeout(PATIENCE);
        let (node, line) = next.map_err(|_| format!("nothing happens: {:?}", self.counts))?;
        self.hear(node, &line)?;
        Ok((node, line))
    }

    fn hear(&mut self, node: Node, line: &str) -> Result<(), BoxError> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("enqueued", count) => self.counts.enqueued = count.parse()?,
            ("worked", number) => {
                *self.counts.worked.entry(number.parse()?).or_default() += 1;
                self.workers.push(node);
            }
            ("delayed", _) => {
                self.counts.delayed += 1;
                self.delayed.push(node);
            }
            ("keys", _) => {}
            _ => return Err(format!("{node:?}: {line}").into()),
        }
        Ok(())
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for (process, _) in &mut self.processes {
            // It may have ended.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn start(
    node: Node,
    url: &str,
    keys: &Path,
    said: &Sender<(Node, String)>,
) -> Result<(Child, ChildStdin), BoxError> {
    let mut process = Command::new(env::current_exe()?)
        .args([node.role(), url])
        .arg(keys)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let commands = process.stdin.take().ok_or("it has a standard input")?;
    let output = process.stdout.take().ok_or("it has a standard output")?;
    let said = said.clone();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if said.send((node, line)).is_err() {
                return;
            }
        }
    });
    Ok((process, commands))
}

fn file_of(folder: &Path, node: Node) -> PathBuf {
    folder.join(format!("{node:?}.keys"))
}

/// Puts a whole new file in the place of the old one, so that no node reads half of it.
fn write_keys(path: &Path, keys: &[&NewKey]) -> Result<(), BoxError> {
    let texts: Vec<&str> = keys.iter().map(|key| &*key.text).collect();
    let written = path.with_extension("new");
    // What an earlier rotation has left would keep its mode.
    let _ = fs::remove_file(&written);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&written)?;
    file.write_all(texts.join(",").as_bytes())?;
    fs::rename(written, path)?;
    Ok(())
}
