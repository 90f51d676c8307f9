//! The thirteen audit events of NAAS' reference. What an event needs and may have is its type: there is no field that a
//! password, the output of a command or a token could stand in.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

#[derive(Serialize)]
#[serde(tag = "event_type")]
pub(crate) enum Event<'a> {
    #[serde(rename = "auth.success")]
    AuthSuccess { method: &'a str, identity: &'a str },
    #[serde(rename = "auth.failure")]
    AuthFailure { method: &'a str, reason: &'a str },
    #[serde(rename = "auth.context_denied")]
    AuthContextDenied {
        identity: &'a str,
        context: &'a str,
        allowed_contexts: &'a [String],
    },
    #[serde(rename = "auth.rbac_denied")]
    AuthRbacDenied {
        identity: &'a str,
        role: &'a str,
        required_role: &'a str,
        endpoint: &'a str,
    },
    #[serde(rename = "apikey.created")]
    ApikeyCreated {
        key_id: &'a str,
        role: &'a str,
        contexts: &'a [String],
        created_by: &'a str,
    },
    #[serde(rename = "apikey.revoked")]
    ApikeyRevoked {
        key_id: &'a str,
        revoked_by: &'a str,
    },
    #[serde(rename = "job.submitted")]
    JobSubmitted {
        host: &'a str,
        platform: &'a str,
        port: u16,
        command_count: usize,
        user_hash: &'a str,
        request_id: &'a str,
    },
    #[serde(rename = "job.completed")]
    JobCompleted {
        request_id: &'a str,
        status: &'a str,
        duration_ms: u128,
    },
    #[serde(rename = "job.cancelled")]
    JobCancelled {
        request_id: &'a str,
        cancelled_by_hash: &'a str,
    },
    #[serde(rename = "job.orphaned")]
    JobOrphaned {
        request_id: &'a str,
        worker_name: &'a str,
    },
    #[serde(rename = "device.locked_out")]
    DeviceLockedOut { host: &'a str, failure_count: u32 },
    #[serde(rename = "circuit.opened")]
    CircuitOpened { host: &'a str },
    #[serde(rename = "circuit.closed")]
    CircuitClosed { host: &'a str },
}

/// Writes events as lines of JSON, in which every control character is escaped.
pub(crate) struct Audit(Mutex<Log>);

struct Log {
    out: Box<dyn Write + Send>,
    number: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    /// Seconds since 1970.
    timestamp: f64,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl Audit {
    /// Writes to a file, or to the standard output.
    pub(crate) fn new(path: Option<&Path>) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = match path {
            Some(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
            None => Box::new(io::stdout()),
        };
        Ok(Self(Mutex::new(Log { out, number: 0 })))
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.number += 1;
        let line = Line {
            seq: log.number,
            timestamp: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs_f64(),
            event,
        };
        let written = serde_json::to_string(&line)
            .map_err(io::Error::from)
            .and_then(|line| writeln!(log.out, "{line}").and_then(|()| log.out.flush()));
        if let Err(error) = written {
            eprintln!("WARNING: an audit event could not be written: {error}");
        }
    }
}
