use std::{collections::BTreeSet, fmt, path::Path, time::Duration};

use jobcrypt_core::{KeyId, Keys};
use serde::de::DeserializeOwned;

use crate::{
    Value, ValuePath, VaultError, VaultForm, VaultId, VaultOptions, audit::Auditor,
    contents::Contents, save::Origin, tree, value_path,
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
    #[must_use]
    pub fn keys_in_use(&self) -> BTreeSet<KeyId> {
        self.contents.keys_in_use()
    }

    /// Whether this key alone opens all of it. If it is the primary, there is nothing to rotate.
    #[must_use]
    pub fn is_under(&self, key: KeyId) -> bool {
        self.contents.is_under(key)
    }

    /// Returns the vault as it is to stand in a file. Where nothing changed it is the text that was read.
    ///
    /// # Errors
    ///
    /// In the seed's format, those of encrypting.
    pub fn to_text(&self) -> Result<String, VaultError> {
        self.contents.to_text()
    }

    /// Says that a value leaves the vault, and returns it.
    fn release(&self, name: &str, asked: &str) -> Result<Value, VaultError> {
        self.auditor.note(&[asked], self.id())?;
        self.reveal(name)
    }

    /// Says that all values at and below a path of names leave the vault, and returns them.
    pub(crate) fn release_all(&self, path: &ValuePath) -> Result<tree::Leaves, VaultError> {
        let names = self.names_at(path);
        if names.is_empty() && !path.is_root() {
            return Err(self.missing(path));
        }
        self.auditor.note(&names, self.id())?;
        let released = names
            .iter()
            .map(|name| Ok((name.parse()?, self.reveal(name)?)));
        released.collect()
    }

    fn reveal(&self, name: &str) -> Result<Value, VaultError> {
        let value = self.contents.reveal(name)?;
        value.ok_or_else(|| VaultError::damaged("a value in it is gone"))
    }

    /// Returns the names at and below a path of names.
    pub(crate) fn names_at(&self, path: &ValuePath) -> Vec<&str> {
        let branch = path.to_string();
        let names = self.contents.names();
        names
            .filter(|name| **name == *branch || value_path::is_below(name, &branch))
            .collect()
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
