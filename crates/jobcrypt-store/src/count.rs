use std::{borrow::Cow, fmt};

use jobcrypt_core::KeyId;

/// How many tokens, or args without one, were found in one place, kind and state.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Count {
    /// The table's name.
    pub table: String,
    /// Where in a row it stands.
    pub place: Place,
    /// The kind of the jobs.
    pub kind: String,
    /// The state of the jobs; empty where the table has none.
    pub state: String,
    /// Whether the jobs are parked.
    pub is_parked: bool,
    /// What stands there.
    pub found: Found,
    /// How often. In [`Place::Args`] that is the number of jobs.
    pub count: u64,
    /// When the oldest of the jobs was made, as the database prints times.
    pub oldest: Option<String>,
}

/// Where in a row a token rests.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Place {
    /// The args as a whole.
    Args,
    /// A value within args, at any depth.
    WithinArgs,
    /// Anywhere in a further column.
    Column(String),
}

/// What a place holds, as far as that shows without a key.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Found {
    /// A token that names its cipher and key.
    Token {
        /// The name of the cipher, with its options.
        cipher: String,
        /// The id of the key.
        key_id: KeyId,
    },
    /// What a legacy form may be: base64 under the marker, or in a string that is all there is. It names no
    /// key.
    Legacy,
    /// Something under the marker that is neither.
    Unreadable,
    /// Args without a token.
    Plaintext,
}

impl Place {
    /// Returns its name for tables.
    #[must_use]
    pub fn as_str(&self) -> Cow<'_, str> {
        match self {
            Self::Args => "args".into(),
            Self::WithinArgs => "within args".into(),
            Self::Column(name) => name.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.as_str())
    }
}

impl Found {
    /// Returns a name for tables: `sealed`, `legacy`, `unreadable` or `plaintext`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Token { .. } => "sealed",
            Self::Legacy => "legacy",
            Self::Unreadable => "unreadable",
            Self::Plaintext => "plaintext",
        }
    }
}

impl Count {
    pub(crate) fn add(&mut self, other: &Self) {
        self.count += other.count;
        if let Some(older) = &other.oldest
            && self.oldest.as_ref().is_none_or(|oldest| older < oldest)
        {
            self.oldest = Some(older.clone());
        }
    }
}
