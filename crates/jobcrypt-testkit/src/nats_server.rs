use std::{fs, io, path::Path};

use crate::keeper::Keeper;

/// A throwaway NATS server with JetStream for tests: empty, on a free port of 127.0.0.1, gone when
/// dropped, also when the program that started it panics, is interrupted or is killed.
///
/// ```
/// use jobcrypt_testkit::NatsServer;
///
/// let server = NatsServer::start(&std::env::temp_dir())?;
/// assert!(server.url().starts_with("nats://127.0.0.1:"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the server stops when it is dropped"]
pub struct NatsServer {
    url: String,
    keeper: Keeper,
}

impl NatsServer {
    /// Starts a server in a new folder in `parent` and returns once it accepts connections.
    ///
    /// # Errors
    ///
    /// Whatever the server had to say: first of all, that there is no `nats-server` on the PATH.
    pub fn start(parent: &Path) -> io::Result<Self> {
        // It takes a port that is free, and writes down which.
        let command = [
            "nats-server",
            "--addr",
            "127.0.0.1",
            "--port",
            "-1",
            "--jetstream",
            "--store_dir",
            ".",
            "--ports_file_dir",
            ".",
        ];
        let mut keeper = Keeper::start(parent, "jobcrypt-nats", &command)?;
        let url = keeper.wait_until(noted_url)?;
        Ok(Self { url, keeper })
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns all that the server has written to its files by now, one behind the other. It writes
    /// streams a moment after it has acknowledged messages.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from being read.
    pub fn dump(&self) -> io::Result<Vec<u8>> {
        self.keeper.files()
    }
}

/// Reads `{"nats":["nats://127.0.0.1:4222"]}` in the server's own note, once it is whole.
fn noted_url(folder: &Path) -> Option<String> {
    let note = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "ports"))?;
    let note = fs::read_to_string(note).ok()?;
    let start = note.find("nats://")?;
    let (url, _) = note[start..].split_once('"')?;
    Some(url.to_owned())
}
