//! A producer or a worker: it does what it reads from standard input, a line each, and writes what it
//! did.

use std::{
    io::{self, Write},
    sync::mpsc::{self, Receiver, TryRecvError},
    thread,
    time::Duration,
};

use jobcrypt::{
    EncryptHook, Keys, ciphers,
    keys::{KeySource, Reload},
};
use tower::BoxError;

use super::nodes::Role;

/// How often an idle worker looks for jobs.
const POLL: Duration = Duration::from_millis(5);

/// A queue that several processes share.
pub(crate) trait SharedQueue: Sized {
    async fn open(url: &str) -> Result<Self, BoxError>;

    /// Stores the job of this number.
    async fn enqueue(&mut self, hook: &EncryptHook, number: usize) -> Result<(), BoxError>;

    /// Works one job that is due, if there is one.
    async fn work_one(&mut self, hook: &EncryptHook) -> Result<Option<Attempt>, BoxError>;
}

/// What became of an attempt to work a job.
pub(crate) enum Attempt {
    Delayed,
    Parked(String),
    Worked(usize),
}

pub(crate) async fn run<Q: SharedQueue>(role: Role, url: &str, keys: &str) -> Result<(), BoxError> {
    let source = KeySource::file(keys).provider(ciphers::encryptor);
    let (keys, _reload) = Reload::start(source, Duration::from_secs(1))?;
    let hook = EncryptHook::builder(keys.clone())
        .namespace("prod")
        .build()?;
    let mut queue = Q::open(url).await?;
    let commands = commands();
    match role {
        Role::Producer => produce(&mut queue, &hook, &keys, &commands).await,
        Role::Worker => work(&mut queue, &hook, &keys, &commands).await,
    }
}

async fn produce<Q: SharedQueue>(
    queue: &mut Q,
    hook: &EncryptHook,
    keys: &Keys,
    commands: &Receiver<String>,
) -> Result<(), BoxError> {
    let mut number = 0;
    for command in commands {
        match command.strip_prefix("enqueue ") {
            Some(count) => {
                for _ in 0..count.parse()? {
                    queue.enqueue(hook, number).await?;
                    number += 1;
                }
                say(&format!("enqueued {number}"))?;
            }
            None => say_keys(keys)?,
        }
    }
    Ok(())
}

async fn work<Q: SharedQueue>(
    queue: &mut Q,
    hook: &EncryptHook,
    keys: &Keys,
    commands: &Receiver<String>,
) -> Result<(), BoxError> {
    loop {
        match commands.try_recv() {
            Ok(_) => say_keys(keys)?,
            Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => {}
        }
        match queue.work_one(hook).await? {
            None => tokio::time::sleep(POLL).await,
            Some(Attempt::Delayed) => say("delayed")?,
            Some(Attempt::Parked(reason)) => say(&format!("parked {reason}"))?,
            Some(Attempt::Worked(number)) => say(&format!("worked {number}"))?,
        }
    }
}

/// The lines of standard input, until it is closed.
fn commands() -> Receiver<String> {
    let (sender, commands) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    commands
}

/// Says which keys it has: the one that encrypts first.
fn say_keys(keys: &Keys) -> io::Result<()> {
    let keyring = keys.snapshot();
    let ids: Vec<String> = keyring.keys().map(|key| key.key_id().to_string()).collect();
    say(&format!("keys {}", ids.join(" ")))
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
