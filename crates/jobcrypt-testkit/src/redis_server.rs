use std::{io, os::unix::net::UnixStream, path::Path};

use crate::keeper::Keeper;

/// A throwaway Redis server for tests: empty, on a socket in a folder of its own, gone when dropped, also
/// when the program that started it panics, is interrupted or is killed.
///
/// ```
/// use jobcrypt_testkit::RedisServer;
///
/// let server = RedisServer::start(&std::env::temp_dir())?;
/// assert!(server.url().starts_with("redis+unix:///"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the server stops when it is dropped"]
pub struct RedisServer(Keeper);

impl RedisServer {
    /// Starts a server in a new folder in `parent` and returns once it accepts connections.
    ///
    /// # Errors
    ///
    /// Whatever the server had to say: first of all, that there is no `redis-server` on the PATH.
    pub fn start(parent: &Path) -> io::Result<Self> {
        // A socket in a folder of its own: no port that somebody else could take first.
        let command = [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            SOCKET,
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        let mut keeper = Keeper::start(parent, "jobcrypt-redis", &command)?;
        keeper.wait_until(|folder| UnixStream::connect(folder.join(SOCKET)).ok())?;
        Ok(Self(keeper))
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.0.folder().join(SOCKET).display())
    }
}

const SOCKET: &str = "socket";
