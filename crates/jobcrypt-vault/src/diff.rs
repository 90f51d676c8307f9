use std::{collections::BTreeSet, fmt};

use crate::{Vault, VaultError};

/// How a value differs between two vaults.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Both have it, and not the same.
    Changed,
    /// Only the first has it.
    Removed,
}

/// A value that differs between two vaults; it names the value and does not hold it.
///
/// `+ database.password`, `~ database.password` or `- database.password` as text.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The path of the value, in its canonical spelling.
    pub path: String,
    /// How it differs.
    pub change: Change,
}

impl Vault {
    /// Returns what is different in `later`, sorted by path. Values are compared and not released; one that was only
    /// sealed anew is no difference.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongKey`] when a key for one of the values is missing.
    pub fn diff(&self, later: &Self) -> Result<Vec<Difference>, VaultError> {
        let (before, after) = (&self.contents, &later.contents);
        let names: BTreeSet<_> = before.names().chain(after.names()).collect();
        let mut differences = Vec::new();
        for name in names {
            let change = match (before.has(name), after.has(name)) {
                (false, _) => Change::Added,
                (_, false) => Change::Removed,
                _ if before.agrees(after, name)? => continue,
                _ => Change::Changed,
            };
            differences.push(Difference {
                path: name.to_owned(),
                change,
            });
        }
        Ok(differences)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.change {
            Change::Added => '+',
            Change::Changed => '~',
            Change::Removed => '-',
        };
        write!(formatter, "{sign} {}", self.path)
    }
}
