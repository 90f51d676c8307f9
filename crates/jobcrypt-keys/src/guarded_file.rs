//! Reads a file of keys. Everything is checked on the open descriptor, so that nobody can put
//! another file in its place between the check and the reading.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{FileType, Mode, OFlags, Stat, fchmod, fstat, openat},
    process::geteuid,
};
use zeroize::Zeroizing;

use crate::FileError;

/// Who may use a file besides its owner.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Guard {
    /// Nobody, and no link stands in the place of the file: a repository.
    Owner,
    /// The group may read, as a Kubernetes secret with `fsGroup` is; root may own it.
    Group,
    /// All may read: the app said so.
    Everyone,
}

/// What was in a file, and when it was written.
pub(crate) struct Contents {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) modified: Option<SystemTime>,
}

pub(crate) const ONLY_OWNER_IN_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// No list of keys is nearly as long.
const LONGEST: u64 = 64 * 1024;

/// Reads the file `name` in `folder`, which `path` names in errors.
pub(crate) fn read(
    folder: impl AsFd,
    name: &Path,
    path: PathBuf,
    guard: Guard,
) -> Result<Contents, FileError> {
    // Without NONBLOCK, opening a pipe in the place of the file would wait for ever.
    let mut flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    if guard == Guard::Owner {
        flags |= OFlags::NOFOLLOW;
    }
    let file = match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::LOOP) => return Err(not_a_file(path, FileType::Symlink)),
        Err(error) => return Err(FileError::io("open", path, error)),
    };
    let stat = fstat(&file).map_err(|error| FileError::io("look at", &path, error))?;
    check(&stat, &path, guard)?;
    Ok(Contents {
        modified: modified(&stat),
        bytes: read_whole(file, path)?,
    })
}

/// Makes a new file that only its owner may use, and waits until its bytes have reached the disk.
pub(crate) fn create(
    folder: impl AsFd,
    name: &Path,
    path: &Path,
    contents: &[u8],
) -> Result<(), FileError> {
    let failed = |error| FileError::io("write", path, error);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, ONLY_OWNER_IN_FILE).map_err(failed)?;
    // Whatever the umask took away.
    fchmod(&file, ONLY_OWNER_IN_FILE).map_err(failed)?;
    let mut file = File::from(file);
    file.write_all(contents)
        .and_then(|()| file.sync_all())
        .map_err(|error| FileError::io("write", path, error))
}

/// Reads to the end, at most the longest list.
pub(crate) fn read_whole(file: OwnedFd, path: PathBuf) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // One allocation: growing would leave parts of keys behind.
    let capacity = usize::try_from(LONGEST).expect("64 KiB fit") + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let mut file = File::from(file).take(LONGEST + 1);
    file.read_to_end(&mut bytes)
        .map_err(|error| FileError::io("read", &path, error))?;
    if bytes.len() == capacity {
        return Err(FileError::TooBig {
            path,
            limit: LONGEST,
        });
    }
    Ok(bytes)
}

/// Checks what an open file is, whose, and who else may use it.
pub(crate) fn check(stat: &Stat, path: &Path, guard: Guard) -> Result<(), FileError> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return Err(not_a_file(path.to_owned(), kind));
    }
    let (shut, wanted) = match guard {
        Guard::Owner => (0o177, "600"),
        Guard::Group => (0o137, "640"),
        Guard::Everyone => (0o133, "644"),
    };
    check_owner(stat, path, guard)?;
    check_mode(stat, path, shut, wanted)
}

/// Checks that none of the bits `shut` is set.
pub(crate) fn check_mode(
    stat: &Stat,
    path: &Path,
    shut: u32,
    wanted: &'static str,
) -> Result<(), FileError> {
    let mode = Mode::from_raw_mode(stat.st_mode).bits() & 0o777;
    // The bit that lets the owner execute a file harms nobody.
    if mode & shut & 0o677 != 0 {
        return Err(FileError::TooOpen {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}

pub(crate) fn check_owner(stat: &Stat, path: &Path, guard: Guard) -> Result<(), FileError> {
    let user = geteuid().as_raw();
    let is_trusted = stat.st_uid == user || (guard != Guard::Owner && stat.st_uid == 0);
    if is_trusted {
        return Ok(());
    }
    Err(FileError::ForeignOwner {
        path: path.to_owned(),
        owner: stat.st_uid,
        user,
    })
}

fn not_a_file(path: PathBuf, kind: FileType) -> FileError {
    FileError::NotAFile {
        path,
        found: describe(kind),
        wanted: "file",
    }
}

pub(crate) fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::Symlink => "a symbolic link",
        FileType::RegularFile => "a file",
        _ => "a device",
    }
}

pub(crate) fn modified(stat: &Stat) -> Option<SystemTime> {
    let seconds = u64::try_from(stat.st_mtime).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
