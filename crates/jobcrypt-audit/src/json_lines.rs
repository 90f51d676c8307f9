use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use jobcrypt_core::{AuditEvent, AuditSink, SecretKey};
use tracing::error;

use crate::{
    WhenFull,
    chain::Links,
    line,
    queue::{Item, Queue},
    target::Target,
    writer::Writer,
};

/// A log of JSON lines, one for each event, written by a thread of its own.
///
/// Whoever works a job only puts a line into a queue of bounded length; what happens when that is full is
/// [`WhenFull`]. While the disk refuses to take lines they are kept and tried again every second. Dropping the log
/// writes what is queued and ends it; what the disk does not take then is counted in an ERROR event of `tracing`, and a disk that does
/// not even answer is waited for no longer than [`patience`](JsonLinesBuilder::patience).
///
/// ```
/// use jobcrypt_audit::JsonLines;
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{EncryptHook, JobContext, Keyring, SecretKey};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("audit.jsonl");
/// let log = JsonLines::append(&path).open()?;
///
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring).audit(log).build()?;
/// hook.seal(&JobContext::new("charge_card"), &mut br#"{"pan":"4111111111111111"}"#.to_vec())?;
///
/// drop(hook); // and the log with it
/// let lines = std::fs::read_to_string(&path)?;
/// assert!(lines.contains(r#""event":"job.sealed""#) && !lines.contains("41111111"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonLines {
    queue: Arc<Queue>,
    when_full: WhenFull,
    thread: Option<JoinHandle<()>>,
    patience: Duration,
    fields: String,
}

/// Configures a [`JsonLines`]; made by [`JsonLines::append`] and [`JsonLines::to`].
#[must_use = "a log begins at `open`"]
pub struct JsonLinesBuilder {
    target: Destination,
    when_full: WhenFull,
    capacity: usize,
    patience: Duration,
    chaining: Chaining,
    fields: String,
}

enum Chaining {
    Keyed(SecretKey),
    None,
    Unkeyed,
}

enum Destination {
    File(PathBuf),
    Other(Box<dyn Write + Send>),
}

/// Some megabytes of lines.
const CAPACITY: usize = 10_000;
/// How long whoever has to waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);

impl JsonLines {
    /// Begins a log that is appended to this file, which is made, for its owner only, where there is none. A file that
    /// is moved away while it is written is begun anew.
    pub fn append(path: impl Into<PathBuf>) -> JsonLinesBuilder {
        JsonLinesBuilder::new(Destination::File(path.into()))
    }

    /// Begins a log that goes to a writer, such as the standard output.
    pub fn to(writer: impl Write + Send + 'static) -> JsonLinesBuilder {
        JsonLinesBuilder::new(Destination::Other(Box::new(writer)))
    }

    fn line(&self, event: &AuditEvent<'_>) -> String {
        line::of_event(event, SystemTime::now()) + &self.fields
    }
}

impl JsonLinesBuilder {
    fn new(target: Destination) -> Self {
        Self {
            target,
            when_full: WhenFull::default(),
            capacity: CAPACITY,
            patience: PATIENCE,
            chaining: Chaining::None,
            fields: String::new(),
        }
    }

    /// Adds a field to each event, such as the host or the user.
    pub fn field(mut self, name: &'static str, value: &str) -> Self {
        line::text(&mut self.fields, name, value);
        self
    }

    /// Sets what becomes of events for which there is no room: they are lost and counted, unless set.
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets how many lines may wait to be written: 10,000 unless set.
    pub fn capacity(mut self, lines: usize) -> Self {
        self.capacity = lines.max(1);
        self
    }

    /// Sets how long is waited for the disk by what must be on record before it happens, and by the end of the log: 10 seconds unless
    /// set.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Chains the lines by MACs under this key, so that [`verify`](crate::verify) notices whatever was changed.
    ///
    /// The key is forgotten once the chain has begun, and each line has one of its own, made of the one before. Keep it
    /// where whoever can write the log cannot read it, and out of reach of the process once it runs.
    pub fn chained(mut self, key: SecretKey) -> Self {
        self.chaining = Chaining::Keyed(key);
        self
    }

    /// Chains the lines by sums that need no key. They show accidents: a line that is torn or gone. Whoever can write
    /// the log can make them anew.
    pub fn chained_without_key(mut self) -> Self {
        self.chaining = Chaining::Unkeyed;
        self
    }

    /// Opens the log.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, the system has no random numbers for a chain, or no thread.
    pub fn open(self) -> io::Result<JsonLines> {
        let target = match self.target {
            Destination::File(path) => Target::append(path)?,
            Destination::Other(writer) => Target::Other(writer),
        };
        // The key is forgotten with the builder, at the end of this call.
        let links = match &self.chaining {
            Chaining::Keyed(key) => Some(Links::begin(Some(key))?),
            Chaining::None => None,
            Chaining::Unkeyed => Some(Links::begin(None)?),
        };
        let queue = Arc::new(Queue::new(self.capacity));
        let writer = Writer::new(Arc::clone(&queue), target, links);
        let ends = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("jobcrypt-audit".to_owned())
            .spawn(move || {
                let _end = End(ends);
                writer.run();
            })?;
        Ok(JsonLines {
            queue,
            when_full: self.when_full,
            thread: Some(thread),
            patience: self.patience,
            fields: self.fields,
        })
    }
}

impl AuditSink for JsonLines {
    fn record(&self, event: &AuditEvent<'_>) {
        let line = self.line(event);
        let item = Item { line, kept: None };
        self.queue.push(item, self.when_full.patience());
    }

    /// Returns once the lines are on the disk, within its patience.
    fn record_first(&self, events: &[AuditEvent<'_>]) -> io::Result<()> {
        let (kept, answer) = mpsc::channel();
        for (at, event) in events.iter().enumerate() {
            // They are written in order, so whoever knows of the last knows of all.
            let is_last = at + 1 == events.len();
            let item = Item {
                line: self.line(event),
                kept: is_last.then(|| kept.clone()),
            };
            if !self.queue.push(item, self.patience) {
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "the audit log takes no more",
                ));
            }
        }
        if events.is_empty() {
            return Ok(());
        }
        answer.recv_timeout(self.patience).unwrap_or_else(|_| {
            let slow = "the audit log is slow";
            Err(io::Error::new(io::ErrorKind::TimedOut, slow))
        })
    }
}

impl Drop for JsonLines {
    fn drop(&mut self) {
        self.queue.close();
        if !self.queue.has_ended_within(self.patience) {
            // The thread is left to the disk, which may never answer.
            error!(target: "jobcrypt", "audit.closed_unwritten");
        } else if let Some(thread) = self.thread.take() {
            // A panic in there was printed already.
            let _ = thread.join();
        }
    }
}

/// Ends a queue, whatever its writer ends by.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JsonLines")
    }
}

impl fmt::Debug for JsonLinesBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JsonLinesBuilder")
            .field("when_full", &self.when_full)
            .field("capacity", &self.capacity)
            .field("is_chained", &!matches!(self.chaining, Chaining::None))
            .finish_non_exhaustive()
    }
}
