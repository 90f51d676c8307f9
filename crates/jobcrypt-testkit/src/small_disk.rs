use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

const VARIABLE: &str = "JOBCRYPT_TEST_DISK";

/// A disk of 256 KiB that a test may fill or make read-only, since nobody else has it.
///
/// It lies in memory, in a namespace of its own, which Linux gives to any user where user namespaces are allowed. A
/// process cannot enter one while it has several threads, so the test runs itself again, as another process.
///
/// ```
/// use std::{fs, io};
///
/// use jobcrypt_testkit::SmallDisk;
///
/// /// With `#[test]`.
/// fn a_full_disk_keeps_the_old_file() -> io::Result<()> {
///     SmallDisk::run_test("inside_a_full_disk")
/// }
///
/// /// With `#[test]` and `#[ignore = "run by the test above"]`.
/// fn inside_a_full_disk() -> io::Result<()> {
///     let disk = SmallDisk::of_this_test()?;
///     let file = disk.path().join("file");
///     fs::write(&file, "old")?;
///     disk.fill(0)?;
///     assert!(fs::write(disk.path().join("new"), "new").is_err());
///     assert_eq!(fs::read(&file)?, b"old");
///     disk.clear()
/// }
/// ```
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// The bytes that a file takes at least, and by which it grows.
    pub const PAGE: usize = 4096;

    /// Runs another test of the same program, one that is ignored otherwise, with a disk; `test` is its whole path, as
    /// `module::function`.
    ///
    /// # Errors
    ///
    /// [`Other`](io::ErrorKind::Other) when the test fails or there is none of that name, with what was printed; otherwise
    /// those of starting `unshare`, of util-linux.
    pub fn run_test(test: &str) -> io::Result<()> {
        let output = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .args([include_str!("small_disk.sh"), "small_disk"])
            .arg(env::current_exe()?)
            .args(["--exact", test, "--ignored", "--nocapture"])
            .output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && printed.contains("1 passed") {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!(
            "{test} on a small disk: {}\n{printed}{errors}",
            output.status
        )))
    }

    /// Returns the disk that this test was given.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) when it was not run by [`run_test`](Self::run_test).
    pub fn of_this_test() -> io::Result<Self> {
        let path = env::var_os(VARIABLE).map(PathBuf::from);
        let none = || io::Error::new(io::ErrorKind::NotFound, "this test was given no disk");
        path.map(|path| Self { path }).ok_or_else(none)
    }

    /// Returns where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fills it until so many pages are free.
    ///
    /// # Errors
    ///
    /// What the file system says, apart from its being full.
    pub fn fill(&self, pages_left: usize) -> io::Result<()> {
        let mut ballast = File::create(self.ballast())?;
        loop {
            match ballast.write_all(&[0; Self::PAGE]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error),
            }
        }
        let length = ballast.metadata()?.len();
        let left = u64::try_from(pages_left * Self::PAGE).map_err(io::Error::other)?;
        ballast.set_len(length.saturating_sub(left))
    }

    /// Takes away what filled it.
    ///
    /// # Errors
    ///
    /// What the file system says, also when it was not filled.
    pub fn clear(&self) -> io::Result<()> {
        fs::remove_file(self.ballast())
    }

    /// Lets nobody write to it any more.
    ///
    /// # Errors
    ///
    /// What `mount` says.
    pub fn make_read_only(&self) -> io::Result<()> {
        let mut mount = Command::new("mount");
        let output = mount.args(["-o", "remount,ro"]).arg(&self.path).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}
