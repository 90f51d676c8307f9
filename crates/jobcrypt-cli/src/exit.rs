use std::process::ExitCode;

/// How the command ends; the numbers are described in the README.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Refused = 3,
    Findings = 4,
    Keys = 5,
    Database = 6,
    Locked = 7,
    KeyMissing = 20,
    KeyMalformed = 21,
    WrongKey = 22,
    Damaged = 23,
    PathMissing = 24,
    Collision = 25,
    FileExists = 26,
    Conflict = 27,
    Unchanged = 28,
    CannotExecute = 126,
    CommandNotFound = 127,
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
