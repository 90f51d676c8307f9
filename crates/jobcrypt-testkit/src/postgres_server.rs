use std::{
    fs, io,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::PostgresPrograms;

/// How often a server is tried on another port when somebody else was quicker on the first.
const PORTS: usize = 3;

/// Far more than a loaded machine needs.
const START_TIMEOUT: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A throwaway PostgreSQL server for tests: empty, on a free port of 127.0.0.1, gone when dropped.
///
/// It is as fast as PostgreSQL gets, since nothing in it has to survive: no `fsync`, no full pages,
/// no synchronous commit. It lets everybody on this machine in as the superuser `postgres`.
///
/// The server and its folder also go when the program that started it panics, is interrupted with
/// Ctrl-C or is killed. PostgreSQL refuses to run as root; for root, it runs as the user `postgres`
/// or `nobody`.
///
/// ```
/// use jobcrypt_testkit::PostgresServer;
///
/// let server = PostgresServer::start(&std::env::temp_dir())?;
/// assert!(server.url().starts_with("postgres://postgres@127.0.0.1:"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the server stops when it is dropped"]
pub struct PostgresServer {
    /// The shell that runs `postgres_server.sh`. It stops the server when its standard input closes.
    keeper: Child,
    folder: PathBuf,
    port: u16,
}

impl PostgresServer {
    /// Starts a server in a new folder in `parent` and returns once it accepts connections.
    ///
    /// For root, the user that the server runs as must be able to write to `parent`, as everybody
    /// can to [`std::env::temp_dir`].
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if no PostgreSQL is installed; otherwise what initdb
    /// or the server had to say.
    pub fn start(parent: &Path) -> io::Result<Self> {
        Self::start_on(parent, free_port, None)
    }

    /// Starts another server that follows this one, and returns once it answers queries: a hot standby, which is
    /// always a moment behind.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub fn standby(&self, parent: &Path) -> io::Result<Self> {
        Self::start_on(parent, free_port, Some(self.port))
    }

    /// Returns the URL of the database `postgres`, for the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Returns the server's own folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn start_on(
        parent: &Path,
        mut port: impl FnMut() -> io::Result<u16>,
        primary: Option<u16>,
    ) -> io::Result<Self> {
        let programs = PostgresPrograms::find()?;
        let mut tries = 1;
        loop {
            match Self::launch(parent, port()?, &programs, primary)?.wait_until_ready() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < PORTS => {
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    fn launch(
        parent: &Path,
        port: u16,
        programs: &PostgresPrograms,
        primary: Option<u16>,
    ) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command
            .args(["-c", include_str!("postgres_server.sh"), "postgres_server"])
            .arg(parent)
            .arg(port.to_string())
            .arg(programs.folder())
            .args(primary.map(|port| port.to_string()))
            // PGOPTIONS, LANG and their like change what the server does and says.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("LC_ALL", "C")
            // The user that the server runs as may not enter the current folder.
            .current_dir("/")
            // Ctrl-C goes to the whole foreground group.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if is_root()? {
            let (user, group) = unprivileged_user()?;
            command.uid(user).gid(group);
        }
        let mut keeper = command.spawn()?;

        let mut folder = String::new();
        if let Some(output) = keeper.stdout.take() {
            BufReader::new(output).read_line(&mut folder)?;
        }
        let mut server = Self {
            keeper,
            folder: PathBuf::from(folder.trim_end_matches('\n')),
            port,
        };
        if folder.is_empty() {
            return Err(server.why_it_ended());
        }
        Ok(server)
    }

    fn wait_until_ready(mut self) -> io::Result<Self> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !self.is_ready() {
            if self.keeper.try_wait()?.is_some() {
                return Err(self.why_it_ended());
            }
            if Instant::now() > deadline {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("PostgreSQL did not start within {START_TIMEOUT:?}"),
                ));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(self)
    }

    /// Reads the server's own note of its state. A connection would prove less: on a contested
    /// port, somebody else's server may answer.
    fn is_ready(&self) -> bool {
        const STATE: usize = 7;
        fs::read_to_string(self.folder.join("data/postmaster.pid"))
            .is_ok_and(|note| note.lines().nth(STATE).map(str::trim_end) == Some("ready"))
    }

    fn why_it_ended(&mut self) -> io::Error {
        let mut log = String::new();
        if let Some(mut output) = self.keeper.stderr.take()
            && let Err(error) = output.read_to_string(&mut log)
        {
            return error;
        }
        let kind = if log.contains("Address already in use") {
            io::ErrorKind::AddrInUse
        } else {
            io::ErrorKind::Other
        };
        io::Error::new(
            kind,
            format!("PostgreSQL did not start:\n{}", log.trim_end()),
        )
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // `wait` closes standard input first, which tells the keeper to stop the server. If it
        // fails, the keeper has ended, and nothing is left to stop.
        let _ = self.keeper.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn is_root() -> io::Result<bool> {
    let id = Command::new("id").arg("-u").output()?;
    Ok(id.stdout.trim_ascii() == b"0")
}

/// Returns the ids of the user and the group that run the server for root.
fn unprivileged_user() -> io::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| ids_of(name, &users))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "PostgreSQL refuses to run as root, and /etc/passwd names neither postgres nor nobody",
            )
        })
}

fn ids_of(name: &str, users: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        // Skips the password.
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_another_port_if_the_first_is_taken() -> io::Result<()> {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let first = taken.local_addr()?.port();
        let mut first_try = Some(first);

        let port = || first_try.take().map_or_else(free_port, Ok);
        let server = PostgresServer::start_on(&std::env::temp_dir(), port, None)?;

        assert_eq!(first_try, None);
        assert_ne!(server.port, first);
        Ok(())
    }

    #[test]
    fn gives_up_if_every_port_is_taken() -> io::Result<()> {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = taken.local_addr()?.port();
        let mut tries = 0;

        let port = || {
            tries += 1;
            Ok(port)
        };
        let error = PostgresServer::start_on(&std::env::temp_dir(), port, None)
            .expect_err("the port is taken");

        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(tries, PORTS);
        Ok(())
    }

    #[test]
    fn says_why_it_could_not_start() {
        let error = PostgresServer::start(Path::new("/no/such/folder"))
            .expect_err("nobody can make a folder there");
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }

    #[test]
    fn reads_the_ids_of_a_user() {
        let users = "root:x:0:0:root:/root:/bin/bash\n\
                     postgresql:x:5:6::/:/bin/sh\n\
                     postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n\
                     nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(ids_of("postgres", users), Some((101, 104)));
        assert_eq!(ids_of("nobody", users), Some((65534, 65533)));
        assert_eq!(ids_of("daemon", users), None);
    }
}
