use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
};

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

    /// Lets the server write down all that it holds, uncompressed, and returns that: its own dump.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being written or read.
    pub fn dump(&self) -> io::Result<Vec<u8>> {
        let mut connection = UnixStream::connect(self.0.folder().join(SOCKET))?;
        let mut answers = BufReader::new(connection.try_clone()?).lines();
        for command in ["CONFIG SET rdbcompression no", "SAVE"] {
            write!(connection, "{command}\r\n")?;
            let answer = answers.next().transpose()?.unwrap_or_default();
            if answer != "+OK" {
                return Err(io::Error::other(format!("{command}: {answer}")));
            }
        }
        fs::read(self.0.folder().join("dump.rdb"))
    }
}

const SOCKET: &str = "socket";
