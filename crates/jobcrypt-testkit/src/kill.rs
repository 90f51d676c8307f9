use std::io;

/// By which a process changes a file, and by which it waits until the disk has it.
/// A question mark stands before what some processors do not have.
const WRITES: [&str; 9] = [
    "fchmod", "fchown", "flock", "fsync", "linkat", "?rename", "renameat", "unlinkat", "write",
];

/// Has a change killed at each system call by which a process changes files, once at each. Returns how often it was.
///
/// `attempt` prepares what is to be changed, starts the program behind the words that it gets, which are those of
/// `strace`, looks at what is left, and returns whether the program was killed. A call that is not made any more ends the
/// turn of its kind, so the last attempt of each kind is a change that is not killed. Only the program's first thread is
/// looked at, unless `--follow-forks` is put behind the words.
///
/// ```
/// use std::{fs, process::Command};
///
/// let folder = std::env::temp_dir().join(format!("jobcrypt-kill-{}", std::process::id()));
/// # if cfg!(target_os = "linux") {
/// fs::create_dir(&folder)?;
/// let file = folder.join("file");
/// let kills = jobcrypt_testkit::kill_at_each_write(|strace| {
///     fs::write(&file, "old")?;
///     let script = "echo new > file.new && mv file.new file";
///     let program = ["sh", "-c", script].map(str::to_owned);
///     let words = [strace, program.as_slice()].concat();
///     let status = Command::new(&words[0]).args(&words[1..]).current_dir(&folder).status()?;
///     let left = fs::read_to_string(&file)?;
///     assert!(left == "old" || left == "new\n");
///     Ok(!status.success())
/// })?;
/// assert!(kills >= 1);
/// fs::remove_dir_all(&folder)?;
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// The first of `attempt`.
pub fn kill_at_each_write(
    mut attempt: impl FnMut(&[String]) -> io::Result<bool>,
) -> io::Result<usize> {
    let mut kills = 0;
    for syscall in WRITES {
        for nth in 1.. {
            let strace = [
                "strace".to_owned(),
                "--quiet=all".to_owned(),
                "--output=/dev/null".to_owned(),
                format!("--trace={syscall}"),
                format!("--inject={syscall}:signal=KILL:when={nth}"),
            ];
            if !attempt(&strace)? {
                break;
            }
            kills += 1;
        }
    }
    Ok(kills)
}
