use std::time::SystemTime;

use jobcrypt_core::{CipherName, KeyId};
use serde::{Deserialize, Serialize};

use crate::text;

/// What is known of a key in a repository, without its bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The id that stands in tokens.
    #[serde(with = "text")]
    pub id: KeyId,
    /// The cipher that uses the key.
    #[serde(with = "text")]
    pub cipher: CipherName,
    /// What the key is for now.
    pub state: KeyState,
    /// The file in the repository that holds it.
    pub file: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// When it was made, as far as that is known.
    #[serde(default, with = "text::date", skip_serializing_if = "Option::is_none")]
    pub created: Option<SystemTime>,
    /// When it became the primary.
    #[serde(default, with = "text::date", skip_serializing_if = "Option::is_none")]
    pub promoted: Option<SystemTime>,
    /// When another key became the primary after it.
    #[serde(default, with = "text::date", skip_serializing_if = "Option::is_none")]
    pub demoted: Option<SystemTime>,
}

/// What a key of a repository is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Encrypts and decrypts.
    Primary,
    /// Only decrypts: it was the primary before.
    Secondary,
    /// Only decrypts: it becomes the primary in the next rotation.
    Staged,
}

impl KeyState {
    /// Returns the name, such as `primary`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Staged => "staged",
        }
    }
}

/// What is left of a key that was retired.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tombstone {
    /// The id that stood in tokens.
    #[serde(with = "text")]
    pub id: KeyId,
    /// The cipher that used the key.
    #[serde(with = "text")]
    pub cipher: CipherName,
    /// The file in the archive, until the key is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// When the key was made.
    #[serde(default, with = "text::date", skip_serializing_if = "Option::is_none")]
    pub created: Option<SystemTime>,
    /// When it was retired.
    #[serde(default, with = "text::date", skip_serializing_if = "Option::is_none")]
    pub retired: Option<SystemTime>,
    /// When its bytes were removed for ever.
    #[serde(default, with = "text::date", skip_serializing_if = "Option::is_none")]
    pub destroyed: Option<SystemTime>,
}
