//! While plaintext lies in a folder, no signal that can be caught ends this process before it is gone.

use std::{
    io,
    process::{Child, ExitStatus},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    signal::unix::{self, SignalKind, signal},
    sync::oneshot,
};

use crate::{exit::Exit, failure::Failure};

pub(super) struct Signals {
    interrupt: unix::Signal,
    quit: unix::Signal,
    hang_up: unix::Signal,
    terminate: unix::Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(Exit::Failed, "signals cannot be listened to").because(error)
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            hang_up: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for an editor. Ctrl-C is the editor's own affair.
    pub(super) async fn wait_for(&mut self, mut child: Child) -> Result<ExitStatus, Failure> {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let mut ended = aside(move || child.wait());
        loop {
            tokio::select! {
                status = &mut ended => {
                    let status = status.map_err(io::Error::other).flatten();
                    return status.map_err(|error| {
                        Failure::new(Exit::Failed, "the editor was lost").because(error)
                    });
                }
                _ = self.interrupt.recv() => {}
                _ = self.quit.recv() => {}
                _ = self.hang_up.recv() => break,
                _ = self.terminate.recv() => break,
            }
        }
        if let Some(id) = id {
            // It may have ended by itself.
            let _ = kill_process(id, Signal::HUP);
        }
        Err(interrupted())
    }

    /// Waits for a line from the terminal.
    pub(super) async fn enter(&mut self) -> Result<(), Failure> {
        let line = aside(|| io::stdin().read_line(&mut String::new()));
        tokio::select! {
            line = line => match line {
                Ok(Ok(length)) if length > 0 => Ok(()),
                _ => Err(interrupted()),
            },
            _ = self.interrupt.recv() => Err(interrupted()),
            _ = self.quit.recv() => Err(interrupted()),
            _ = self.hang_up.recv() => Err(interrupted()),
            _ = self.terminate.recv() => Err(interrupted()),
        }
    }
}

/// Does it in a thread that nobody waits for at the end, as the runtime does for its own.
fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (done, receiver) = oneshot::channel();
    thread::spawn(move || done.send(work()));
    receiver
}

fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted; the vault is as it was")
}
