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
    /// Lines that are ended and not written yet.
    pending: VecDeque<u8>,
    /// The first bytes of the line at hand, which are written: a write that fails begins it anew, on a line of its own, since
    /// others may write to the same file meanwhile, and the file may be moved away.
    begun: Vec<u8>,
    /// Those who wait until what is pending is kept.
    waiting: Vec<mpsc::Sender<io::Result<()>>>,
    /// What was logged last, so that a disk that stays full fills no other log.
    complaint: Option<String>,
    last_mac: Option<String>,
    /// Whether one is to be reported once what is pending is written.
    checkpoint_is_due: bool,
}

impl Writer {
    pub(crate) fn new(queue: Arc<Queue>, target: Target, links: Option<Links>) -> Self {
        Self {
            queue,
            target,
            links,
            pending: VecDeque::new(),
            begun: Vec::new(),
            waiting: Vec::new(),
            complaint: None,
            last_mac: None,
            checkpoint_is_due: false,
        }
    }

    /// Writes until the queue is closed and empty, or cannot be written at its end.
    pub(crate) fn run(mut self) {
        self.end(line::of_log("audit.opened", None));
        loop {
            // What could not be written is tried again before more is taken: meanwhile the queue fills, and what
            // becomes of the events of jobs is as the app has chosen.
            // Once the queue is closed all of it is taken, for a last try.
            while !self.write() {
                if self.queue.is_closed_within(PAUSE) {
                    break;
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
                self.checkpoint_is_due = true;
                if !self.write() {
                    self.give_up();
                }
                return;
            }
        }
    }

    /// Ends a line and puts it behind those that are not written yet.
    fn end(&mut self, mut line: String) {
        match &mut self.links {
            Some(links) => {
                self.last_mac = Some(links.close(&mut line));
                self.checkpoint_is_due |= links.next().is_multiple_of(LINES_A_CHECKPOINT);
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
            self.begin_line_anew();
        } else {
            self.complaint = None;
            if std::mem::take(&mut self.checkpoint_is_due) {
                self.report_checkpoint();
            }
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
                    let ended = bytes[..written].iter().rposition(|byte| *byte == b'\n');
                    if let Some(end) = ended {
                        self.begun.clear();
                        self.begun.extend(&bytes[end + 1..written]);
                    } else {
                        self.begun.extend(&bytes[..written]);
                    }
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

    fn begin_line_anew(&mut self) {
        if self.begun.is_empty() {
            return;
        }
        self.begun.insert(0, b'\n');
        for byte in self.begun.drain(..).rev() {
            self.pending.push_front(byte);
        }
    }

    fn give_up(&self) {
        // A line that is begun anew has one end too many, in front.
        let ends = self.pending.iter().skip(1);
        let lines = ends.filter(|byte| **byte == b'\n').count();
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
