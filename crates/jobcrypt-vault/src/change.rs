use std::collections::HashSet;

use crate::{Value, ValueKind, ValuePath, Vault, VaultError, tree};

impl Vault {
    /// Makes the value at `path` this one; an object becomes a branch with exactly these values below it. Values that stay the
    /// same keep their bytes in the file. Returns whether anything changed.
    ///
    /// # Errors
    ///
    /// [`VaultError::Collision`] when a value would take the place of a branch, or stand below a value;
    /// [`VaultError::BadPath`] for a place inside of a list, which is one value. Then nothing is changed. Where a key fails on
    /// the way, some values are changed and others are not: open the vault again.
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
}

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
