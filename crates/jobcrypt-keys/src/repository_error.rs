use std::path::PathBuf;

use jobcrypt_core::{Error, KeyId};

use crate::FileError;

/// Why a key repository could not be read or changed. Where it was to be changed, it is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// There is a staged key already.
    #[error("key {id} is staged already; `jobcrypt keys rotate` makes it the primary")]
    AlreadyStaged {
        /// The staged key.
        id: KeyId,
    },
    /// The place holds a whole repository.
    #[error("{} is set up already; nothing was changed", path.display())]
    AlreadySetUp {
        /// The repository.
        path: PathBuf,
    },
    /// A file holds no key.
    #[error("{}: {why}; put back its backup, or copy it from another node", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file is no bundle that this release reads.
    #[error(
        "{} is no bundle of keys, or one of a later release (line {line}, column {column}); export it again",
        path.display()
    )]
    Bundle {
        /// The file.
        path: PathBuf,
        /// Where reading ended.
        line: usize,
        /// The column in that line.
        column: usize,
    },
    /// The files changed each time they were read.
    #[error("{} changes while it is read; try again once that is over", path.display())]
    Changing {
        /// The repository.
        path: PathBuf,
    },
    /// The key was destroyed, and would come back.
    #[error(
        "key {id} was destroyed here on purpose, and is not taken again; destroy it where it still is, \
         or put back a backup of the whole repository"
    )]
    Destroyed {
        /// The key.
        id: KeyId,
    },
    /// The bundle lacks a key that the repository has.
    #[error(
        "the bundle does not know key {id}, which is {state} here: the two have gone separate ways; \
         export from the node that rotated last, or set up an empty folder"
    )]
    Diverged {
        /// The key.
        id: KeyId,
        /// Its state in the repository.
        state: &'static str,
    },
    /// One key stands in two files.
    #[error("{first} and {second} in {} hold the same key; remove the one with the lower number", path.display())]
    Duplicate {
        /// The repository.
        path: PathBuf,
        /// A file.
        first: String,
        /// Another.
        second: String,
    },
    /// A file or folder could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The setup was begun and not completed.
    #[error("the setup of {} was not completed; run `jobcrypt keys setup` on it again", path.display())]
    HalfSetUp {
        /// The repository.
        path: PathBuf,
    },
    /// The repository holds what its layout has no room for.
    #[error("{what} is not possible in Keystone's layout; {instead}")]
    KeystoneLayout {
        /// What was asked for.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// The keys form no keyring, or the system gave no random bytes.
    #[error(transparent)]
    Keyring(#[from] Error),
    /// Another process changes the repository.
    #[error("{} is being changed by another process; wait until that has ended and run it again", path.display())]
    Locked {
        /// The repository.
        path: PathBuf,
    },
    /// The manifest cannot be read.
    #[error(
        "{} is no manifest that this release can read (line {line}, column {column}); put back its backup, or copy \
         it from another node",
        path.display()
    )]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where reading ended.
        line: usize,
        /// The column in that line.
        column: usize,
    },
    /// The manifest contradicts itself.
    #[error("{}: {why}; put back its backup, or copy it from another node", path.display())]
    ManifestContents {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        why: String,
    },
    /// The file of a key is gone.
    #[error("{} is missing, which holds the {state} key {id}; put back its backup, or copy it from another node", path.display())]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key.
        id: KeyId,
        /// Its state.
        state: &'static str,
    },
    /// There is no key at all.
    #[error("{} holds no key; run `jobcrypt keys setup` on it", path.display())]
    NoKeys {
        /// The folder.
        path: PathBuf,
    },
    /// There are keys and no manifest.
    #[error("{} is missing, without which the keys beside it mean nothing; put back its backup, or copy it from another node", path.display())]
    NoManifest {
        /// The manifest.
        path: PathBuf,
    },
    /// The key is not among those that were retired.
    #[error("key {id} was not retired here; `jobcrypt keys status` lists those that were")]
    NotRetired {
        /// The key.
        id: KeyId,
    },
    /// The bundle is older than the repository.
    #[error(
        "the bundle is of generation {bundle}, and the repository of {here} already; export it again"
    )]
    Older {
        /// The bundle's generation.
        bundle: u64,
        /// The repository's.
        here: u64,
    },
    /// The bundle is of a repository in another layout.
    #[error(
        "the bundle is of a repository in {bundle} layout, and this one is in {here} layout; take an empty folder"
    )]
    OtherLayout {
        /// The bundle's layout.
        bundle: &'static str,
        /// The repository's.
        here: &'static str,
    },
    /// The next file has no name left.
    #[error("{} has used up the numbers of its files; begin a new repository", path.display())]
    Overflow {
        /// The repository.
        path: PathBuf,
    },
    /// The key was retired, and would be added as a new one.
    #[error("key {id} was retired here; `jobcrypt keys restore` brings it back")]
    Retired {
        /// The key.
        id: KeyId,
    },
    /// There are keys, but not those that a setup makes.
    #[error(
        "{} holds keys but none that is staged; a setup could lose some. Run `jobcrypt keys stage` on it instead",
        path.display()
    )]
    SetUpOverKeys {
        /// The repository.
        path: PathBuf,
    },
    /// The archived file of a retired key is gone.
    #[error(
        "the bytes of key {id} are not in this archive; look into that of the node that rotated, or into a backup"
    )]
    Unrecoverable {
        /// The key.
        id: KeyId,
    },
}
