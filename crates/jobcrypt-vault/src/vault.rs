use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use jobcrypt_core::{KeyId, Keys};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{
    Segment, Value, ValueKind, ValuePath, VaultError, VaultForm, VaultId, VaultOptions,
    audit::Auditor, contents::Contents, folder::FileContents, place::Place, tree, value_path,
};

/// An encrypted file of credentials, open.
///
/// Names are readable, values are not. What is changed is changed in memory until [`save`](Self::save).
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{Keyring, SecretKey};
/// use jobcrypt_vault::{Value, Vault};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("credentials.vault");
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let values = Value::from_json(r#"{"database": {"host": "db.example.com", "port": 5432}}"#)?;
/// let mut vault = Vault::options(keyring).create(&path, &values)?;
///
/// assert_eq!(vault.get_as::<u16>(&"database.port".parse()?)?, 5432);
/// vault.set(&"database.password".parse()?, &Value::from("s3cret!P@ss"))?;
/// vault.save()?;
/// assert_eq!(vault.names().count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vault {
    pub(crate) contents: Contents,
    pub(crate) auditor: Auditor,
    pub(crate) keys: Keys,
    pub(crate) patience: Duration,
    pub(crate) origin: Option<Origin>,
}

/// The file that a vault was read from, as it was then.
pub(crate) struct Origin {
    pub(crate) place: Arc<Place>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Origin {
    pub(crate) fn new(place: Arc<Place>, file: FileContents) -> Self {
        Self {
            place,
            bytes: file.bytes,
        }
    }
}

impl Vault {
    /// Begins to open vaults that the keys open; a [`Keyring`](jobcrypt_core::Keyring) will do. The primary seals, all
    /// others only open.
    pub fn options(keys: impl Into<Keys>) -> VaultOptions {
        VaultOptions::new(keys.into())
    }

    /// Opens the vault at `path`, without an audit. See [`VaultOptions::open`].
    ///
    /// # Errors
    ///
    /// Those of [`VaultOptions::open`].
    pub fn open(path: impl AsRef<Path>, keys: impl Into<Keys>) -> Result<Self, VaultError> {
        Self::options(keys).open(path)
    }

    /// Returns the vault's id; none in the seed's format.
    #[must_use]
    pub fn id(&self) -> Option<VaultId> {
        self.contents.id()
    }

    /// Returns the format.
    #[must_use]
    pub fn form(&self) -> VaultForm {
        self.contents.form()
    }

    /// Returns the paths of all values, in their canonical spelling and sorted by its bytes. No value is decrypted.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.contents.names()
    }

    /// Returns the paths of the values at and below `path`, sorted. No value is decrypted.
    ///
    /// # Errors
    ///
    /// [`VaultError::PathMissing`] when there are none.
    pub fn list(&self, path: &ValuePath) -> Result<Vec<ValuePath>, VaultError> {
        let (entry, inside) = path.split();
        let names = if inside.is_empty() {
            self.names_at(&entry)
        } else {
            Vec::new()
        };
        if names.is_empty() && !path.is_root() {
            return Err(self.missing(path));
        }
        names.iter().map(|name| name.parse()).collect()
    }

    /// Returns the value at `path`: of a branch, an object of all that is below it.
    ///
    /// # Errors
    ///
    /// [`VaultError::PathMissing`], which says what is near; [`VaultError::Audit`] when the sink fails; and
    /// [`VaultError::WrongKey`] when the key of this value is missing.
    pub fn get(&self, path: &ValuePath) -> Result<Value, VaultError> {
        let (entry, inside) = path.split();
        let name = entry.to_string();
        if self.contents.has(&name) {
            let value = self.release(&name, &path.to_string())?;
            let inner = if inside.is_empty() {
                Some(value)
            } else {
                value.step(inside)
            };
            return inner.ok_or_else(|| self.missing(path));
        }
        if !inside.is_empty() {
            return Err(self.missing(path));
        }
        Ok(tree::object(&entry, &self.release_all(path)?))
    }

    /// Returns the values at and below `path`, each with its path. A list is one value, and so is an object of nothing.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    ///
    /// ```
    /// # use jobcrypt_core::{Keyring, SecretKey};
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_vault::{Value, ValuePath, Vault};
    /// # let options = Vault::options(Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?);
    /// let vault = options.make(&Value::from_json(r#"{"api": {"keys": ["a", "b"], "url": "https://x"}}"#)?)?;
    /// let values = vault.values(&ValuePath::root())?;
    /// let paths: Vec<_> = values.iter().map(|(path, _)| path.to_string()).collect();
    /// assert_eq!(paths, ["api.keys", "api.url"]);
    /// assert_eq!(values[0].1.as_json(), r#"["a","b"]"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn values(&self, path: &ValuePath) -> Result<Vec<(ValuePath, Value)>, VaultError> {
        if !path.split().1.is_empty() {
            return self.get(path).map(|value| vec![(path.clone(), value)]);
        }
        Ok(self.release_all(path)?.into_iter().collect())
    }

    /// Returns the value at `path` as a type of the app.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get), and [`VaultError::WrongType`], which never quotes the value.
    pub fn get_as<T: DeserializeOwned>(&self, path: &ValuePath) -> Result<T, VaultError> {
        self.get(path)?.to().map_err(|error| match error {
            VaultError::WrongType { found, column, .. } => VaultError::WrongType {
                path: path.to_string(),
                found,
                column,
            },
            other => other,
        })
    }

    /// Makes the value at `path` this one; an object becomes a branch with exactly these values below it. Values that stay the
    /// same keep their bytes in the file. Returns whether anything changed.
    ///
    /// # Errors
    ///
    /// [`VaultError::Collision`] when a value would take the place of a branch, or stand below a value;
    /// [`VaultError::BadPath`] for a place inside of a list, which is one value.
    pub fn set(&mut self, path: &ValuePath, value: &Value) -> Result<bool, VaultError> {
        let name = name_to_change(path)?;
        let is_object = value.kind() == ValueKind::Object;
        if path.is_root() && !is_object {
            return Err(VaultError::bad_value("a vault holds an object of values"));
        }
        let new: Vec<_> = tree::leaves(path, value)?
            .into_iter()
            .map(|(path, value)| (path.to_string(), value))
            .collect();
        let mut obsolete = self.empty_parents(path)?;
        let below: Vec<_> = self.names_at(path);
        if !is_object && below.iter().any(|below| **below != name) {
            return Err(collision(&name, &name, "a branch"));
        }
        let is_leaf = !is_object || value.is_empty_object();
        if !is_leaf && self.contents.has(&name) && !self.is_empty_branch(&name)? {
            return Err(collision(&name, &name, "a value"));
        }
        let stays: HashSet<&str> = new.iter().map(|(name, _)| &**name).collect();
        let gone = below.into_iter().filter(|old| !stays.contains(old));
        obsolete.extend(gone.map(str::to_owned));
        let mut has_changed = !obsolete.is_empty();
        for old in obsolete {
            self.contents.remove(&old);
        }
        for (name, value) in &new {
            has_changed |= self.contents.insert(name, value)?;
        }
        Ok(has_changed)
    }

    /// Takes away the value at `path`, or all below it. Returns how many values those were.
    ///
    /// # Errors
    ///
    /// [`VaultError::PathMissing`] when there are none; [`VaultError::BadPath`] for a place inside of a list, which is one
    /// value.
    pub fn unset(&mut self, path: &ValuePath) -> Result<usize, VaultError> {
        name_to_change(path)?;
        let gone: Vec<_> = self.names_at(path).into_iter().map(str::to_owned).collect();
        if gone.is_empty() {
            return Err(self.missing(path));
        }
        for name in &gone {
            self.contents.remove(name);
        }
        Ok(gone.len())
    }

    /// Opens each value and forgets it again. Returns how many there are.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongKey`] and [`VaultError::Damaged`] for the first that does not open.
    pub fn verify(&self) -> Result<usize, VaultError> {
        for name in self.contents.names() {
            self.contents.reveal(name)?;
        }
        Ok(self.contents.names().len())
    }

    /// Returns the ids of the keys that something in the vault is sealed with; none in the seed's format, which does not say.
    /// A key that is not among them can be retired as far as this file goes; its older versions still need it.
    ///
    /// # Errors
    ///
    /// None, for a vault that was opened.
    pub fn keys_in_use(&self) -> Result<BTreeSet<KeyId>, VaultError> {
        self.contents.keys_in_use()
    }

    /// Returns the vault as it is to stand in a file. Where nothing changed it is the text that was read.
    ///
    /// # Errors
    ///
    /// In the seed's format, those of encrypting.
    pub fn to_text(&self) -> Result<String, VaultError> {
        self.contents.to_text()
    }

    /// Writes the vault to the file that it was opened from: beside it, to the disk, then in its place. Returns whether
    /// anything had changed; if not, the file is not touched. The file keeps its mode and its owner.
    ///
    /// # Errors
    ///
    /// [`VaultError::Changed`] when the file was changed since it was opened; [`VaultError::Locked`] when another process
    /// changes it now; [`VaultError::Io`]. Each leaves the file as it was.
    pub fn save(&mut self) -> Result<bool, VaultError> {
        let origin = self.origin.as_ref().ok_or(VaultError::NotFromAFile)?;
        let place = Arc::clone(&origin.place);
        let _lock = place.lock(self.patience)?;
        self.save_locked(|_| Ok(()))
    }

    /// Saves while the caller holds the lock; `check` gets what was written before it counts.
    pub(crate) fn save_locked(
        &mut self,
        check: impl FnOnce(&Contents) -> Result<(), VaultError>,
    ) -> Result<bool, VaultError> {
        let text = self.contents.to_text()?;
        let origin = self.origin.as_mut().ok_or(VaultError::NotFromAFile)?;
        let now = origin.place.read()?;
        if now.bytes != origin.bytes {
            return Err(VaultError::Changed {
                path: origin.place.path.clone(),
            });
        }
        // White space around a token of the seed's format is none of its contents.
        if origin.bytes.trim_ascii() == text.trim_ascii().as_bytes() {
            return Ok(false);
        }
        let keys = self.keys.clone();
        origin
            .place
            .replace(text.as_bytes(), now.rights, |written| {
                check(&Contents::parse(written, keys)?)
            })?;
        origin.bytes = Zeroizing::new(text.into_bytes());
        Ok(true)
    }

    /// Says that a value leaves the vault, and returns it.
    fn release(&self, name: &str, asked: &str) -> Result<Value, VaultError> {
        self.auditor.note(asked, self.id())?;
        let value = self.contents.reveal(name)?;
        value.ok_or_else(|| VaultError::damaged("a value in it is gone"))
    }

    /// Says that all values at and below a path of names leave the vault, and returns them.
    fn release_all(&self, path: &ValuePath) -> Result<tree::Leaves, VaultError> {
        let names = self.names_at(path);
        if names.is_empty() && !path.is_root() {
            return Err(self.missing(path));
        }
        let released = names
            .iter()
            .map(|name| Ok((name.parse()?, self.release(name, name)?)));
        released.collect()
    }

    /// Returns the names at and below a path of names.
    fn names_at(&self, path: &ValuePath) -> Vec<&str> {
        let branch = path.to_string();
        let names = self.contents.names();
        names
            .filter(|name| **name == *branch || value_path::is_below(name, &branch))
            .collect()
    }

    /// Returns the objects of nothing above `path`, which are none any more once there is a value below.
    fn empty_parents(&self, path: &ValuePath) -> Result<Vec<String>, VaultError> {
        let mut empty = Vec::new();
        for parent in path.parents() {
            let parent = parent.to_string();
            if !self.contents.has(&parent) {
                continue;
            }
            if !self.is_empty_branch(&parent)? {
                return Err(collision(&path.to_string(), &parent, "a value"));
            }
            empty.push(parent);
        }
        Ok(empty)
    }

    fn is_empty_branch(&self, name: &str) -> Result<bool, VaultError> {
        let value = self.contents.reveal(name)?;
        Ok(value.is_some_and(|value| value.is_empty_object()))
    }

    /// Says that there is no such value, and what is near.
    fn missing(&self, path: &ValuePath) -> VaultError {
        VaultError::PathMissing {
            path: path.to_string(),
            hint: self.hint(path).unwrap_or_default(),
        }
    }

    fn hint(&self, path: &ValuePath) -> Option<String> {
        let parents: Vec<_> = path.parents().map(|parent| parent.split().0).collect();
        if let Some(value) = parents.iter().find(|it| self.contents.has(&it.to_string())) {
            return Some(format!(
                "; {value} is a value, and if it is a list its first element is {}",
                value.join(Segment::Index(0))
            ));
        }
        let near = parents.into_iter().chain([ValuePath::root()]);
        let (branch, names) = near
            .map(|branch| (self.children(&branch), branch))
            .find_map(|(names, branch)| (!names.is_empty()).then_some((branch, names)))?;
        let more = if names.len() > SHOWN { ", ..." } else { "" };
        let shown: Vec<_> = names.iter().take(SHOWN).map(ToString::to_string).collect();
        let has = if branch.is_root() {
            "it has".to_owned()
        } else {
            format!("{branch} has")
        };
        Some(format!("; {has} {}{more}", shown.join(", ")))
    }

    /// Returns the names directly below a branch.
    fn children(&self, branch: &ValuePath) -> BTreeSet<ValuePath> {
        let depth = branch.segments().len();
        self.names_at(branch)
            .iter()
            .filter_map(|name| name.parse::<ValuePath>().ok())
            .filter_map(|path| path.segments().get(depth).cloned())
            .map(|segment| ValuePath::root().join(segment))
            .collect()
    }
}

/// How many names a hint shows.
const SHOWN: usize = 8;

/// Returns the name of a value that may be changed.
fn name_to_change(path: &ValuePath) -> Result<String, VaultError> {
    if !path.split().1.is_empty() {
        return Err(VaultError::BadPath {
            path: path.to_string(),
            why: "a list is one value; set it whole",
        });
    }
    path.check_len()?;
    Ok(path.to_string())
}

fn collision(path: &str, other: &str, found: &'static str) -> VaultError {
    VaultError::Collision {
        path: path.to_owned(),
        other: other.to_owned(),
        found,
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vault")
            .field("contents", &self.contents)
            .finish_non_exhaustive()
    }
}
