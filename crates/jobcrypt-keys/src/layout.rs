use serde::{Deserialize, Serialize};

use crate::{FileError, folder::Folder, keystone, native};

/// How a repository lays out its files.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layout {
    /// Keystone's: Fernet keys in files named by number. `0` is staged, the highest is the primary.
    Keystone,
    /// Our own, for any cipher: a file for each key, and a manifest that says what each is for.
    Native,
}

impl Layout {
    /// Returns the layout of what stands in a folder; `None` where there is no key at all.
    pub(crate) fn detect(folder: &Folder) -> Result<Option<Self>, FileError> {
        let names = folder.names()?;
        let has = |name: &str| names.iter().any(|other| other == name);
        let is_native =
            has(Self::Native.manifest()) || names.iter().any(|name| native::parts(name).is_some());
        if is_native {
            return Ok(Some(Self::Native));
        }
        let is_keystone = has(Self::Keystone.manifest())
            || names.iter().any(|name| keystone::number(name).is_some());
        Ok(is_keystone.then_some(Self::Keystone))
    }

    /// The file beside the keys. In Keystone's layout its name is no number, so Keystone passes it by.
    pub(crate) fn manifest(self) -> &'static str {
        match self {
            Self::Keystone => "jobcrypt.json",
            Self::Native => "manifest.json",
        }
    }

    /// Returns the name, such as `keystone`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keystone => "keystone",
            Self::Native => "native",
        }
    }
}
