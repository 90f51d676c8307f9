use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::{FileError, RepositoryError, folder::Folder};

/// The right to change a repository, among all processes; given back when dropped, and by the
/// operating system when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    file: OwnedFd,
}

const LOCK_FILE: &str = ".lock";
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

impl Lock {
    /// Takes the lock, at the latest after `patience`.
    pub(crate) fn take(folder: &Folder, patience: Duration) -> Result<Self, RepositoryError> {
        let file = folder.open_to_lock(LOCK_FILE)?;
        let begin = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { file }),
                Err(Errno::WOULDBLOCK) if begin.elapsed() >= patience => {
                    return Err(RepositoryError::Locked {
                        path: folder.path().to_owned(),
                    });
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(BETWEEN_TRIES),
                Err(error) => {
                    return Err(FileError::io("lock", folder.path().join(LOCK_FILE), error).into());
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that was begun meanwhile has the descriptor until it runs
        // its own program.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}
