//! What is in a vault, in either format.

use std::collections::BTreeSet;

use jobcrypt_core::{KeyId, Keys};

use crate::{
    Value, VaultError, VaultForm, VaultId,
    fernet_document::{self, FernetDocument},
    sealed_entries::SealedEntries,
    vault_text,
};

#[derive(Debug)]
pub(crate) enum Contents {
    Fernet(FernetDocument),
    Jobcrypt(SealedEntries),
}

impl Contents {
    pub(crate) fn new(form: VaultForm, keys: Keys) -> Result<Self, VaultError> {
        match form {
            VaultForm::Fernet => FernetDocument::new(keys).map(Self::Fernet),
            VaultForm::Jobcrypt => SealedEntries::new(keys).map(Self::Jobcrypt),
        }
    }

    /// Reads a file. The two formats begin differently, so neither is ever taken for the other.
    pub(crate) fn parse(text: &[u8], keys: Keys) -> Result<Self, VaultError> {
        let text = str::from_utf8(text).map_err(|_| VaultError::damaged("it is not text"))?;
        if text.starts_with(vault_text::BEGIN) {
            SealedEntries::parse(text, keys).map(Self::Jobcrypt)
        } else if text.trim_ascii_start().starts_with(fernet_document::BEGIN) {
            FernetDocument::parse(text, keys).map(Self::Fernet)
        } else if text.is_empty() {
            Err(VaultError::damaged("it is empty"))
        } else {
            Err(VaultError::damaged("it does not begin like a vault"))
        }
    }

    pub(crate) fn form(&self) -> VaultForm {
        match self {
            Self::Fernet(_) => VaultForm::Fernet,
            Self::Jobcrypt(_) => VaultForm::Jobcrypt,
        }
    }

    pub(crate) fn id(&self) -> Option<VaultId> {
        match self {
            Self::Fernet(_) => None,
            Self::Jobcrypt(entries) => Some(entries.id),
        }
    }

    pub(crate) fn to_text(&self) -> Result<String, VaultError> {
        match self {
            Self::Fernet(document) => document.to_text(),
            Self::Jobcrypt(entries) => Ok(entries.to_text()),
        }
    }

    /// Returns the paths of all values in their canonical spelling, in the order of its bytes.
    pub(crate) fn names(&self) -> Box<dyn ExactSizeIterator<Item = &str> + '_> {
        match self {
            Self::Fernet(document) => Box::new(document.names()),
            Self::Jobcrypt(entries) => Box::new(entries.names()),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Fernet(document) => document.value(name).is_some(),
            Self::Jobcrypt(entries) => entries.token(name).is_some(),
        }
    }

    /// Returns one value, without telling anybody.
    pub(crate) fn reveal(&self, name: &str) -> Result<Option<Value>, VaultError> {
        match self {
            Self::Fernet(document) => Ok(document.value(name).cloned()),
            Self::Jobcrypt(entries) => entries.reveal(name),
        }
    }

    /// Puts a value in its place, unless it is there already; returns whether it was not.
    pub(crate) fn insert(&mut self, name: &str, value: &Value) -> Result<bool, VaultError> {
        if self.reveal(name)?.as_ref() == Some(value) {
            return Ok(false);
        }
        match self {
            Self::Fernet(document) => document.insert(name, value),
            Self::Jobcrypt(entries) => entries.insert(name, value)?,
        }
        Ok(true)
    }

    pub(crate) fn remove(&mut self, name: &str) {
        match self {
            Self::Fernet(document) => document.remove(name),
            Self::Jobcrypt(entries) => entries.remove(name),
        }
    }

    /// Whether a value is the same in both: of one token, where they are copies of one vault, or of one text.
    pub(crate) fn agrees(&self, other: &Self, name: &str) -> Result<bool, VaultError> {
        if let (Self::Jobcrypt(one), Self::Jobcrypt(two)) = (self, other)
            && one.id == two.id
            && one.token(name) == two.token(name)
        {
            return Ok(true);
        }
        Ok(self.reveal(name)? == other.reveal(name)?)
    }

    /// Returns the keys that something is sealed with; the seed's format does not say.
    pub(crate) fn keys_in_use(&self) -> BTreeSet<KeyId> {
        match self {
            Self::Fernet(_) => BTreeSet::new(),
            Self::Jobcrypt(entries) => entries.keys_in_use(),
        }
    }

    /// Whether this key alone opens all of it.
    pub(crate) fn is_under(&self, key: KeyId) -> bool {
        match self {
            Self::Fernet(document) => document.is_under(key),
            Self::Jobcrypt(entries) => entries.keys_in_use().iter().all(|it| *it == key),
        }
    }

    /// Seals with the primary whatever is not; returns how many values that were.
    pub(crate) fn rotate(&mut self) -> Result<usize, VaultError> {
        match self {
            Self::Fernet(document) => {
                let all = document.names().len();
                Ok(if document.rotate()? { all } else { 0 })
            }
            Self::Jobcrypt(entries) => entries.rotate(),
        }
    }

    /// Returns the id of the key that seals.
    pub(crate) fn primary(&self) -> Result<KeyId, VaultError> {
        match self {
            Self::Fernet(document) => document.primary(),
            Self::Jobcrypt(entries) => entries.primary(),
        }
    }

    /// Makes a value what it is in another version of the vault, or takes it away.
    pub(crate) fn take_from(&mut self, other: &Self, name: &str) -> Result<(), VaultError> {
        if let (Self::Jobcrypt(ours), Self::Jobcrypt(theirs)) = (&mut *self, other)
            && let Some(token) = theirs.token(name)
        {
            ours.adopt(name, token);
            return Ok(());
        }
        if let Some(value) = other.reveal(name)? {
            self.insert(name, &value)?;
        } else {
            self.remove(name);
        }
        Ok(())
    }

    /// Takes the token of another version for a value that both have, if it is under the primary and ours is not.
    pub(crate) fn prefer_newer(&mut self, name: &str, other: &Self) -> Result<(), VaultError> {
        if let (Self::Jobcrypt(ours), Self::Jobcrypt(theirs)) = (self, other)
            && let (Some(our), Some(their)) = (ours.token(name), theirs.token(name))
            && our != their
            && !ours.is_under_primary(our)?
            && ours.is_under_primary(their)?
        {
            ours.adopt(name, their);
        }
        Ok(())
    }

    /// The same for the key of the file.
    pub(crate) fn prefer_newer_key(&mut self, other: &Self) -> Result<(), VaultError> {
        match (self, other) {
            (Self::Jobcrypt(ours), Self::Jobcrypt(theirs)) => ours.prefer_newer_key(theirs),
            _ => Ok(()),
        }
    }
}
