use std::{
    fs, io,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Far more than a loaded machine needs.
const START_TIMEOUT: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Runs a server in a folder of its own; both are gone when it is dropped, also when the program
/// panics, is interrupted or is killed.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// The shell that runs `keeper.sh`. It stops the server when its standard input closes.
    shell: Child,
    folder: PathBuf,
}

impl Keeper {
    /// Starts `command` in a new folder in `parent`, whose name begins with `name`.
    pub(crate) fn start(parent: &Path, name: &str, command: &[&str]) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", include_str!("keeper.sh"), "keeper"])
            .arg(parent)
            .arg(name)
            .args(command)
            // Ctrl-C goes to the whole foreground group.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut folder = String::new();
        if let Some(output) = shell.stdout.take() {
            BufReader::new(output).read_line(&mut folder)?;
        }
        let folder = PathBuf::from(folder.trim_end_matches('\n'));
        Ok(Self { shell, folder })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns what all files in the folder hold, one behind the other.
    pub(crate) fn files(&self) -> io::Result<Vec<u8>> {
        let (mut files, mut folders) = (Vec::new(), vec![self.folder.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in if_there(fs::read_dir(folder))?.into_iter().flatten() {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    files.extend(if_there(fs::read(entry.path()))?.unwrap_or_default());
                }
            }
        }
        Ok(files)
    }

    /// Waits until `ready` finds in the folder what shows that the server accepts connections.
    pub(crate) fn wait_until<T>(&mut self, ready: impl Fn(&Path) -> Option<T>) -> io::Result<T> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(sign) = ready(&self.folder) {
                return Ok(sign);
            }
            if self.shell.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(self.why_it_ended());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn why_it_ended(&mut self) -> io::Error {
        // Closed, it tells a server that hangs to stop.
        drop(self.shell.stdin.take());
        let mut log = String::new();
        if let Some(mut output) = self.shell.stderr.take()
            && let Err(error) = output.read_to_string(&mut log)
        {
            return error;
        }
        io::Error::other(format!("the server did not start:\n{}", log.trim_end()))
    }
}

/// `None` for what is there no more: a server that runs takes away files that it needs no longer.
fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // `wait` closes standard input first, which tells the shell to stop the server. If it fails,
        // the shell has ended, and nothing is left to stop.
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::env::temp_dir;

    use super::*;

    #[test]
    fn the_folder_goes_with_the_server() -> io::Result<()> {
        let command = ["sh", "-c", "touch ready; exec sleep 60"];
        let mut keeper = Keeper::start(&temp_dir(), "jobcrypt-keeper", &command)?;
        keeper.wait_until(|folder| folder.join("ready").exists().then_some(()))?;
        let folder = keeper.folder().to_owned();
        drop(keeper);
        assert!(!folder.exists());
        Ok(())
    }

    #[test]
    fn its_files_are_read_wherever_they_are() -> io::Result<()> {
        let script = "mkdir -p a/b; echo one >a/b/file; echo two >file; touch ready; exec sleep 60";
        let mut keeper = Keeper::start(&temp_dir(), "jobcrypt-keeper", &["sh", "-c", script])?;
        keeper.wait_until(|folder| folder.join("ready").exists().then_some(()))?;
        let files = String::from_utf8_lossy(&keeper.files()?).into_owned();
        assert!(
            files.contains("one\n") && files.contains("two\n"),
            "{files}"
        );
        Ok(())
    }

    #[test]
    fn says_why_it_could_not_start() -> io::Result<()> {
        for (parent, command, why) in [
            (Path::new("/no/such/folder"), "true", "/no/such/folder"),
            (&temp_dir(), "no-such-server", "no-such-server"),
        ] {
            let mut keeper = Keeper::start(parent, "jobcrypt-keeper", &[command])?;
            let error = keeper.wait_until(|_| None::<()>);
            let error = error.expect_err("nothing is there to become ready");
            assert!(error.to_string().contains(why), "{error}");
        }
        Ok(())
    }
}
