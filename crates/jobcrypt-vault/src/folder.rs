use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    fs::{
        AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, Stat, Uid, fchmod, fchown,
        flock, fstat, fsync, linkat, openat, renameat, statat, unlinkat,
    },
    io::Errno,
};
use zeroize::Zeroizing;

use crate::VaultError;

/// An open folder, which stays the same one whatever becomes of its path.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    descriptor: OwnedFd,
}

/// The right to change vaults in a folder, among all processes; given back when dropped, and by the operating system
/// when the process dies. The folder itself is locked, so that no other file need be left in a repository.
#[derive(Debug)]
pub(crate) struct Lock<'f>(&'f Folder);

/// What was in a file, and who may use it.
pub(crate) struct FileContents {
    /// Wiped, since the file may turn out to be plaintext.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) rights: Rights,
}

/// Whose a file is, and who may use it. A file that takes the place of another has the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    mode: Mode,
    /// The owner and the group; `None` for those of this process.
    owner: Option<(Uid, Gid)>,
}

impl Rights {
    /// For a new file: its owner may read and write it.
    pub(crate) const NEW: Self = Self {
        mode: Mode::RUSR.union(Mode::WUSR),
        owner: None,
    };

    fn of(stat: &Stat) -> Self {
        Self {
            mode: Mode::from_raw_mode(stat.st_mode) & Mode::from_bits_retain(0o777),
            owner: Some((Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid))),
        }
    }

    /// Gives a file these rights, whatever the umask took away.
    fn give(self, file: &OwnedFd) -> Result<(), Errno> {
        if let Some((user, group)) = self.owner {
            let stat = fstat(file)?;
            if stat.st_uid != user.as_raw() {
                // Without that, `sudo` would lock out the owner of a vault.
                fchown(file, Some(user), Some(group))?;
            } else if stat.st_gid != group.as_raw() {
                // Not every owner may give a file to its group; the owner stays.
                let _ = fchown(file, None, Some(group));
            }
        }
        fchmod(file, self.mode)
    }
}

/// Longer than any vault.
const LONGEST: u64 = 64 * 1024 * 1024;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, VaultError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = openat(CWD, path, flags, Mode::empty())
            .map_err(|error| VaultError::io("open", path, error))?;
        Ok(Self {
            path: path.to_owned(),
            descriptor,
        })
    }

    /// Takes the lock, at the latest after `patience`; `vault` is who wants it.
    pub(crate) fn lock(&self, vault: &Path, patience: Duration) -> Result<Lock<'_>, VaultError> {
        let begin = Instant::now();
        loop {
            match flock(&self.descriptor, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock(self)),
                Err(Errno::WOULDBLOCK) if begin.elapsed() >= patience => {
                    return Err(VaultError::Locked {
                        path: vault.to_owned(),
                    });
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(BETWEEN_TRIES),
                Err(error) => return Err(VaultError::io("lock", &self.path, error)),
            }
        }
    }

    /// Reads a file of the folder. What it is is looked at on the open descriptor, and no link is followed.
    pub(crate) fn read(&self, name: &Path, path: &Path) -> Result<FileContents, VaultError> {
        // Without NONBLOCK, opening a pipe in the place of the file would wait for ever.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let file = openat(&self.descriptor, name, flags, Mode::empty())
            .map_err(|error| VaultError::io("open", path, error))?;
        let stat = fstat(&file).map_err(|error| VaultError::io("look at", path, error))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::RegularFile {
            return Err(VaultError::NotAFile {
                path: path.to_owned(),
                found: describe(kind),
            });
        }
        let too_big = || VaultError::TooBig {
            path: path.to_owned(),
            limit: LONGEST,
        };
        let expected = u64::try_from(stat.st_size).unwrap_or(0);
        if expected > LONGEST {
            return Err(too_big());
        }
        // One allocation: growing would leave parts behind.
        let room = usize::try_from(expected).expect("64 MiB fit") + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        File::from(file)
            .take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| VaultError::io("read", path, error))?;
        if bytes.len() as u64 > LONGEST {
            return Err(too_big());
        }
        Ok(FileContents {
            bytes,
            rights: Rights::of(&stat),
        })
    }

    /// Whether anything has the name, be it a link that leads nowhere.
    pub(crate) fn has(&self, name: &Path) -> Result<bool, VaultError> {
        match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(VaultError::io("look at", self.path.join(name), error)),
        }
    }

    pub(crate) fn create_file(
        &self,
        name: &Path,
        contents: &[u8],
        rights: Rights,
    ) -> Result<(), VaultError> {
        let path = self.path.join(name);
        let failed = |error: Errno| VaultError::io("write", &path, error);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            openat(&self.descriptor, name, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        rights.give(&file).map_err(failed)?;
        let mut file = File::from(file);
        file.write_all(contents)
            .and_then(|()| file.sync_all())
            .map_err(|error| VaultError::io("write", &path, error))
    }

    pub(crate) fn rename_file(&self, from: &Path, to: &Path) -> Result<(), VaultError> {
        renameat(&self.descriptor, from, &self.descriptor, to)
            .map_err(|error| VaultError::io("replace", self.path.join(to), error))
    }

    pub(crate) fn rename_file_to_new(&self, from: &Path, to: &Path) -> Result<(), VaultError> {
        let folder = &self.descriptor;
        match linkat(folder, from, folder, to, AtFlags::empty()) {
            Ok(()) => self.remove_file(from),
            Err(Errno::EXIST) => Err(VaultError::FileExists {
                path: self.path.join(to),
            }),
            // A file system without hard links. Whoever else makes vaults here waits for the lock.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) if !self.has(to)? => {
                self.rename_file(from, to)
            }
            Err(error) => Err(VaultError::io("write", self.path.join(to), error)),
        }
    }

    pub(crate) fn remove_file(&self, name: &Path) -> Result<(), VaultError> {
        match unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(VaultError::io("remove", self.path.join(name), error)),
        }
    }

    pub(crate) fn sync(&self) -> Result<(), VaultError> {
        fsync(&self.descriptor).map_err(|error| VaultError::io("sync", &self.path, error))
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // Closing is not enough: a process that was begun meanwhile has the descriptor until it runs its own program.
        let _ = flock(&self.0.descriptor, FlockOperation::Unlock);
    }
}

fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::Symlink => "a symbolic link",
        FileType::RegularFile => "a file",
        _ => "a device",
    }
}
