//! One producer and two workers, each a process of its own with keys of its own, share a queue while the
//! key is rotated: first in the safe order, then carelessly.
//!
//! The program starts itself three times, as `produce` once and as `work` twice.

mod counts;
mod node;
mod nodes;

use std::{collections::HashSet, process::ExitCode};

use tower::BoxError;

use counts::Counts;
pub(crate) use node::{Attempt, SharedQueue};
use nodes::{Node, Nodes, Role};

/// How many jobs are enqueued in each of the steps.
const JOBS: usize = 150;

/// The queue at `url`, which `open` opens in each process.
pub(crate) async fn main<Q: SharedQueue>(
    url: impl AsyncFnOnce() -> Result<String, BoxError>,
) -> Result<ExitCode, BoxError> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [role, url, keys] = &words[..]
        && let Some(role) = Role::of(role)
    {
        node::run::<Q>(role, url, keys).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let url = match words.into_iter().find(|word| word.contains("://")) {
        Some(url) => url,
        None => url().await?,
    };
    // Made once, before the processes would all make it at once.
    drop(Q::open(&url).await?);
    let counts = rotate(&url)?;
    println!("{counts}");
    Ok(if counts.are_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn rotate(url: &str) -> Result<Counts, BoxError> {
    let [one, two, three] = [(); 3].map(|()| nodes::new_key());
    let mut nodes = Nodes::start(url, &[&one])?;
    nodes.enqueue(JOBS)?;

    // The safe order: every node knows a key before any seals with it. The queue is never empty meanwhile.
    for node in Node::ALL {
        nodes.bring(node, &[&one, &two])?;
    }
    nodes.enqueue(JOBS)?;
    nodes.bring(Node::Producer, &[&two, &one])?;
    nodes.enqueue(JOBS)?;
    for worker in Node::WORKERS {
        nodes.bring(worker, &[&two, &one])?;
    }
    nodes.until_all_worked()?;
    let without_delay = nodes.counts.delayed == 0;

    // Carelessly: the producer seals with a key that no worker has. Both meet it, and put those jobs off.
    nodes.bring(Node::Producer, &[&three, &two, &one])?;
    nodes.enqueue(JOBS)?;
    nodes.until_each_delayed()?;
    for worker in Node::WORKERS {
        nodes.bring(worker, &[&three, &two, &one])?;
        nodes.enqueue(JOBS)?;
    }
    nodes.until_all_worked()?;

    // The oldest key goes, now that no job needs it.
    for node in Node::ALL {
        nodes.bring(node, &[&three, &two])?;
    }
    nodes.enqueue(JOBS)?;
    nodes.until_all_worked()?;
    let workers: HashSet<Node> = nodes.workers.iter().copied().collect();
    let counts = nodes.stop()?;
    if !without_delay {
        return Err("a job was delayed although every node knew its key".into());
    }
    if workers.len() < Node::WORKERS.len() {
        return Err("one of the workers has worked nothing".into());
    }
    Ok(counts)
}
