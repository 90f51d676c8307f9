use std::{
    borrow::Cow,
    fmt, io,
    path::{Path, PathBuf},
};

use jobcrypt_core::{Error, KeyId};

use crate::VaultId;

/// Why a vault could not be opened, read or changed. A file that was to be changed is as it was.
///
/// It names files, the paths of values and key ids, never a value or a key, so it may be printed and logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A sink did not keep the audit event, so nothing was released.
    #[error("nothing was released, since the audit event could not be kept: {0}")]
    Audit(#[source] io::Error),
    /// A text is not the path of a value.
    #[error("{path:?} is not the path of a value: {why}")]
    BadPath {
        /// The text.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A text is none that a vault can hold as a value.
    #[error("that cannot be held by a vault: {why}")]
    BadValue {
        /// What is wrong, and where; never the text.
        why: Cow<'static, str>,
    },
    /// A value cannot be a variable of an environment.
    #[error("{path} would be the variable {variable:?}, {why}")]
    BadVariable {
        /// The path of the value.
        path: String,
        /// The name of the variable.
        variable: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file changed after it was opened.
    #[error("{} was changed by another process since it was opened, and was not written; open it again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A path would be a value and have values below it.
    #[error("{path} cannot be set, since {other} is {found}; unset {other} first")]
    Collision {
        /// The path that was to be set.
        path: String,
        /// What is in its way.
        other: String,
        /// What that is: a value, or a branch.
        found: &'static str,
    },
    /// Both sides of a merge changed the same entries, each in its own way.
    #[error("both sides changed {}; nothing was merged: set {} on one side as on the other, and merge again", paths.join(", "), if paths.len() == 1 { "it" } else { "them" })]
    Conflict {
        /// The paths, sorted.
        paths: Vec<String>,
    },
    /// The file is not what was written: cut short, altered, put together from several, or merged as text.
    #[error("{}: {why}; put back a version that opens, this one was left as it is", name_of(file.as_deref()))]
    Damaged {
        /// The file, where one was read.
        file: Option<PathBuf>,
        /// What was found.
        why: Cow<'static, str>,
    },
    /// There is a file already where a vault was to be created.
    #[error("{} is there already and is not overwritten; remove it, or take another name", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// The vault is another one than was asked for, or the two to be merged are not one.
    #[error("{}: it is the vault {found}, and {wanted} was expected", name_of(file.as_deref()))]
    Foreign {
        /// The file, where one was read.
        file: Option<PathBuf>,
        /// The id in the file.
        found: VaultId,
        /// The id that was expected.
        wanted: VaultId,
    },
    /// A file or folder could not be used.
    #[error("cannot {doing} {}: {source}{}", path.display(), next_step(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no key for what is to be done.
    #[error("{}: there is no {needed} key; add one to the list of keys", name_of(file.as_deref()))]
    KeyMissing {
        /// The file, where one was read.
        file: Option<PathBuf>,
        /// The cipher that is needed.
        needed: &'static str,
    },
    /// The keys could not be used: a remote one cannot be asked, one is bound to other uses, or encrypting failed.
    #[error(transparent)]
    Keys(#[from] Error),
    /// Another process changes a vault in the same folder.
    #[error("{} is being changed by another process; run it again once that has ended", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the operating system gave no random bytes; nothing was written")]
    NoRandomness,
    /// What stands in the place of the file is something else.
    #[error("{} is {found}, and a vault is a file", path.display())]
    NotAFile {
        /// The place.
        path: PathBuf,
        /// What stands there.
        found: &'static str,
    },
    /// The vault was made from a text, so there is no file to write to.
    #[error(
        "the vault was read from a text and has no file to be saved in; write what `to_text` returns"
    )]
    NotFromAFile,
    /// There is no such value.
    #[error("there is no {path} in the vault{hint}")]
    PathMissing {
        /// The path.
        path: String,
        /// What may have been meant; empty where nothing is near.
        hint: String,
    },
    /// The file is longer than any vault.
    #[error("{} is longer than {limit} bytes; is this the file that was meant?", path.display())]
    TooBig {
        /// The file.
        path: PathBuf,
        /// The longest that is read.
        limit: u64,
    },
    /// The file is of a later version.
    #[error("{}: {why}; upgrade this program", name_of(file.as_deref()))]
    UnsupportedVersion {
        /// The file, where one was read.
        file: Option<PathBuf>,
        /// What is not known.
        why: &'static str,
    },
    /// Two values would be the same variable of an environment.
    #[error("{path} and {other} would both be the variable {variable}; name one of them otherwise")]
    VariableCollision {
        /// The path of a value.
        path: String,
        /// The path of another one.
        other: String,
        /// The name that both would have.
        variable: String,
    },
    /// The value cannot be read as the type that was asked for.
    #[error(
        "{path} is {found}, and cannot be read as the type that was asked for (column {column})"
    )]
    WrongType {
        /// The path of the value.
        path: String,
        /// What the value is.
        found: &'static str,
        /// Where reading it ended.
        column: usize,
    },
    /// None of the keys is the vault's.
    #[error("{}: {}", name_of(file.as_deref()), wrong_key(*wanted, *tried))]
    WrongKey {
        /// The file, where one was read.
        file: Option<PathBuf>,
        /// The id of the key that is needed; the seed's format does not say.
        wanted: Option<KeyId>,
        /// How many keys there are.
        tried: usize,
    },
}

impl VaultError {
    pub(crate) fn damaged(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged {
            file: None,
            why: why.into(),
        }
    }

    pub(crate) fn bad_value(why: impl Into<Cow<'static, str>>) -> Self {
        Self::BadValue { why: why.into() }
    }

    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::Io {
            path: path.into(),
            doing,
            source: source.into(),
        }
    }

    /// Says which file it was.
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        if let Self::Damaged { file, .. }
        | Self::Foreign { file, .. }
        | Self::KeyMissing { file, .. }
        | Self::UnsupportedVersion { file, .. }
        | Self::WrongKey { file, .. } = &mut self
        {
            file.get_or_insert_with(|| path.to_owned());
        }
        self
    }
}

fn name_of(file: Option<&Path>) -> impl fmt::Display {
    file.map_or_else(|| "the vault".to_owned(), |file| file.display().to_string())
}

fn wrong_key(wanted: Option<KeyId>, tried: usize) -> String {
    let (none, has) = match tried {
        1 => ("the key given", "is another one"),
        _ => ("none of the keys given", "is that one"),
    };
    if let Some(id) = wanted {
        return format!("it is sealed with key {id}, and {none} {has}; add it to the list of keys");
    }
    let opens = if tried == 1 {
        "does not open it"
    } else {
        "opens it"
    };
    format!("{none} {opens}: it was encrypted with another one, or altered since")
}

fn next_step(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; nothing is lost: free some space and run it again"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; nothing is lost: make the place writable and run it again"
        }
        io::ErrorKind::NotFound => "; check the path",
        _ => "",
    }
}
