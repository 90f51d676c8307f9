//! What may have been meant by a path that leads nowhere.

use std::collections::BTreeSet;

use crate::{Segment, ValuePath, Vault, VaultError};

/// How many names a hint shows.
const SHOWN: usize = 8;

impl Vault {
    /// Says that there is no such value, and what is near.
    pub(crate) fn missing(&self, path: &ValuePath) -> VaultError {
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
