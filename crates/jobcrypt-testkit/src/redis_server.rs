use std::{
    io,
    io::{BufRead, BufReader, Read},
    os::unix::{net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Far more than a loaded machine needs.
const START_TIMEOUT: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(5);

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
pub struct RedisServer {
    /// The shell that runs `redis_server.sh`. It stops the server when its standard input closes.
    keeper: Child,
    folder: PathBuf,
}

impl RedisServer {
    /// Starts a server in a new folder in `parent` and returns once it accepts connections.
    ///
    /// # Errors
    ///
    /// Whatever the server had to say: first of all, that there is no `redis-server` on the PATH.
    pub fn start(parent: &Path) -> io::Result<Self> {
        let mut keeper = Command::new("sh")
            .args(["-c", include_str!("redis_server.sh"), "redis_server"])
            .arg(parent)
            // Ctrl-C goes to the whole foreground group.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut folder = String::new();
        if let Some(output) = keeper.stdout.take() {
            BufReader::new(output).read_line(&mut folder)?;
        }
        let folder = PathBuf::from(folder.trim_end_matches('\n'));
        Self { keeper, folder }.wait_until_ready()
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    fn wait_until_ready(mut self) -> io::Result<Self> {
        let deadline = Instant::now() + START_TIMEOUT;
        while UnixStream::connect(self.socket()).is_err() {
            if self.keeper.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(self.why_it_ended());
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(self)
    }

    fn why_it_ended(&mut self) -> io::Error {
        let mut log = String::new();
        // Closed, it tells a server that hangs to stop.
        drop(self.keeper.stdin.take());
        if let Some(mut output) = self.keeper.stderr.take()
            && let Err(error) = output.read_to_string(&mut log)
        {
            return error;
        }
        io::Error::other(format!("Redis did not start:\n{}", log.trim_end()))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // `wait` closes standard input first, which tells the keeper to stop the server. If it
        // fails, the keeper has ended, and nothing is left to stop.
        let _ = self.keeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_folder_goes_with_it() -> io::Result<()> {
        let server = RedisServer::start(&std::env::temp_dir())?;
        let folder = server.folder.clone();
        assert!(folder.exists());
        drop(server);
        assert!(!folder.exists());
        Ok(())
    }

    #[test]
    fn says_why_it_could_not_start() {
        let error = RedisServer::start(Path::new("/no/such/folder"))
            .expect_err("nobody can make a folder there");
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}
