use std::path::{Path, PathBuf};

use rustix::{
    fd::OwnedFd,
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, renameat, statat,
        unlinkat,
    },
    io::Errno,
};

use crate::{
    FileError,
    guarded_file::{self, Contents, Guard, ONLY_OWNER_IN_FILE},
};

/// An open folder of keys, which stays the same one whatever becomes of its path.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    descriptor: OwnedFd,
}

const ONLY_OWNER_IN_FOLDER: Mode = Mode::RWXU;

impl Folder {
    /// Opens the folder at `path`, which no link may stand for, and checks whose it is.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        let folder = Self::open_unchecked(path)?;
        let stat = folder.stat_itself()?;
        guarded_file::check_owner(&stat, &folder.path, Guard::Owner)?;
        guarded_file::check_mode(&stat, &folder.path, 0o077, "700")?;
        check_parents(&folder.path)?;
        Ok(folder)
    }

    /// Opens the folder whatever its mode.
    pub(crate) fn open_unchecked(path: &Path) -> Result<Self, FileError> {
        // Without its trailing slash, behind which a link would be followed.
        let path: PathBuf = path.components().collect();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(CWD, &path, flags, Mode::empty()) {
            Ok(descriptor) => Ok(Self { path, descriptor }),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(no_folder(path)),
            Err(error) => Err(FileError::io("open", path, error)),
        }
    }

    /// Makes the folder at `path`, unless it is there, and opens it.
    pub(crate) fn make(path: &Path) -> Result<Self, FileError> {
        match mkdirat(CWD, path, ONLY_OWNER_IN_FOLDER) {
            Ok(()) | Err(Errno::EXIST) => Self::open(path),
            Err(error) => Err(FileError::io("make", path, error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the names in the folder, sorted. One that is not text is nothing of ours.
    pub(crate) fn names(&self) -> Result<Vec<String>, FileError> {
        let failed = |error| FileError::io("list", &self.path, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.descriptor).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads a file of the folder.
    pub(crate) fn read(&self, name: &str, guard: Guard) -> Result<Contents, FileError> {
        guarded_file::read(
            &self.descriptor,
            Path::new(name),
            self.path.join(name),
            guard,
        )
    }

    /// Reads a file of the folder, if it is there.
    pub(crate) fn read_if_there(&self, name: &str) -> Result<Option<Contents>, FileError> {
        match self.read(name, Guard::Owner) {
            Ok(contents) => Ok(Some(contents)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks at what has the name, without following a link.
    pub(crate) fn stat(&self, name: &str) -> Result<Option<Stat>, FileError> {
        match statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(FileError::io("look at", self.path.join(name), error)),
        }
    }

    pub(crate) fn stat_itself(&self) -> Result<Stat, FileError> {
        fstat(&self.descriptor).map_err(|error| FileError::io("look at", &self.path, error))
    }

    /// Opens a file to lock it; makes it where it is missing.
    pub(crate) fn open_to_lock(&self, name: &str) -> Result<OwnedFd, FileError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.descriptor, name, flags, ONLY_OWNER_IN_FILE)
            .map_err(|error| FileError::io("open", self.path.join(name), error))
    }

    pub(crate) fn create_file(&self, name: &str, contents: &[u8]) -> Result<(), FileError> {
        let path = self.path.join(name);
        guarded_file::create(&self.descriptor, Path::new(name), &path, contents)
    }

    pub(crate) fn rename_file(&self, from: &str, to: &str) -> Result<(), FileError> {
        renameat(&self.descriptor, from, &self.descriptor, to)
            .map_err(|error| FileError::io("rename", self.path.join(from), error))
    }

    pub(crate) fn remove_file(&self, name: &str) -> Result<(), FileError> {
        match unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(FileError::io("remove", self.path.join(name), error)),
        }
    }

    pub(crate) fn make_folder(&self, name: &str) -> Result<(), FileError> {
        match mkdirat(&self.descriptor, name, ONLY_OWNER_IN_FOLDER) {
            Ok(()) | Err(Errno::EXIST) => self.check_folder(name),
            Err(error) => Err(FileError::io("make", self.path.join(name), error)),
        }
    }

    /// Checks a folder inside this one.
    pub(crate) fn check_folder(&self, name: &str) -> Result<(), FileError> {
        let path = self.path.join(name);
        let Some(stat) = self.stat(name)? else {
            return Ok(());
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Err(no_folder(path));
        }
        guarded_file::check_owner(&stat, &path, Guard::Owner)?;
        guarded_file::check_mode(&stat, &path, 0o077, "700")
    }

    pub(crate) fn sync(&self, name: &str) -> Result<(), FileError> {
        let failed = |error| FileError::io("sync", self.path.join(name), error);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(&self.descriptor, name, flags, Mode::empty()).map_err(failed)?;
        rustix::fs::fsync(folder).map_err(failed)
    }
}

/// Whoever may rename a parent may put another folder in the place of the keys.
fn check_parents(path: &Path) -> Result<(), FileError> {
    let whole = path
        .canonicalize()
        .map_err(|error| FileError::io("follow", path, error))?;
    for parent in whole.ancestors().skip(1) {
        let stat =
            rustix::fs::stat(parent).map_err(|error| FileError::io("look at", parent, error))?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
            return Err(FileError::TooOpen {
                path: parent.to_owned(),
                mode: mode.bits() & 0o7777,
                wanted: "o-w",
            });
        }
    }
    Ok(())
}

fn no_folder(path: PathBuf) -> FileError {
    let found = rustix::fs::lstat(&path).map_or("something else", |stat| {
        guarded_file::describe(FileType::from_raw_mode(stat.st_mode))
    });
    FileError::NotAFile {
        path,
        found,
        wanted: "folder",
    }
}
