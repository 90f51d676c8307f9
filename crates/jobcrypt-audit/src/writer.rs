//! The one thread that writes a log.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, mpsc},
    time::Duration,
};

use tracing::{error, info};

use crate::{Checkpoint, chain::Links, line, queue::Queue, target::Target};

/// How long a failed write is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// A checkpoint for so many lines.
const LINES_A_CHECKPOINT: u64 = 1000;

pub(crate) struct Writer {
    queue: Arc<Queue>,
    target: Target,
    links: Option<Links>,
    /// Lines that are ended and not written yet. A write that fails goes on here at the very byte where it
    /// stopped.
    pending: VecDeque<u8>,
    /// Those who wait until what is pending is kept.
    waiting: Vec<mpsc::Sender<io::Result<()>>>,
    /// What was logged last, so that a disk that stays full fills no other log.
    complaint: Option<String>,
    last_mac: Option<String>,
}

impl Writer {
    pub(crate) fn new(queue: Arc<Queue>, target: Target, links: Option<Links>) -> Self {
        Self {
            queue,
            target,
            links,
            pending: VecDeque::new(),
            waiting: Vec::new(),
            complaint: None,
            last_mac: None,
        }
    }

    /// Writes until the queue is closed and empty, or cannot be written at its end.
    pub(crate) fn run(mut self) {
        self.end(line::of_log("audit.opened", None));
        loop {
            // What could not be written is tried again before more is taken: meanwhile the queue fills, and what
            // becomes of the events of jobs is as the app has chosen.
            while !self.write() {
                if self.queue.is_closed_within(PAUSE) {
                    return self.give_up();
                }
            }
            let taken = self.queue.take();
            if taken.lost > 0 {
                self.end(line::of_log("audit.lost", Some(taken.lost)));
            }
            for mut item in taken.items {
                self.end(std::mem::take(&mut item.line));
                self.waiting.extend(item.kept);
            }
            if taken.is_closed {
                self.end(line::of_log("audit.closed", None));
                if !self.write() {
                    return self.give_up();
                }
                return self.report_checkpoint();
            }
        }
    }

    /// Ends a line and puts it behind those that are not written yet.
    fn end(&mut self, mut line: String) {
        match &mut self.links {
            Some(links) => {
                self.last_mac = Some(links.close(&mut line));
                if links.next().is_multiple_of(LINES_A_CHECKPOINT) {
                    self.report_checkpoint();
                }
            }
            None => line.push('}'),
        }
        line.push('\n');
        self.pending.extend(line.as_bytes());
    }

    /// Writes all that is pending, tells those who wait for it, and returns whether it is done.
    fn write(&mut self) -> bool {
        let result = self.try_write();
        if let Err(error) = &result {
            let text = error.to_string();
            if self.complaint.as_ref() != Some(&text) {
                error!(target: "jobcrypt", error = %text, "audit.not_written");
                self.complaint = Some(text);
            }
        } else {
            self.complaint = None;
        }
        for waiting in self.waiting.drain(..) {
            let answer = match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // Whoever waited has given up if nobody takes the answer.
            let _ = waiting.send(answer);
        }
        result.is_ok()
    }

    fn try_write(&mut self) -> io::Result<()> {
        self.target.follow()?;
        while !self.pending.is_empty() {
            let (bytes, _) = self.pending.as_slices();
            match self.target.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.pending.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.waiting.is_empty() {
            self.target.sync()?;
        }
        Ok(())
    }

    fn give_up(&self) {
        let lines = self.pending.iter().filter(|byte| **byte == b'\n').count();
        error!(target: "jobcrypt", lines, "audit.closed_unwritten");
    }

    fn report_checkpoint(&self) {
        if let (Some(links), Some(mac)) = (&self.links, &self.last_mac) {
            let checkpoint = Checkpoint {
                chain: links.id().to_owned(),
                seq: links.next() - 1,
                mac: mac.clone(),
            };
            info!(target: "jobcrypt", %checkpoint, "audit.checkpoint");
        }
    }
}
