use std::{collections::BTreeSet, path::Path};

use crate::{Vault, VaultError, VaultOptions, contents::Contents, value_path};

/// What came of merging two versions of a vault.
#[derive(Debug)]
#[non_exhaustive]
pub struct Merged {
    /// The merged vault, which has no file; [`Vault::to_text`] is what to write.
    pub vault: Vault,
    /// The paths that are now as in the other version, sorted.
    pub taken: Vec<String>,
}

const BASE: &str = "the common version";
const OURS: &str = "our version";
const THEIRS: &str = "their version";

impl VaultOptions {
    /// Merges two versions of one vault by their values: what only one side changed since `base` is as that side has it.
    ///
    /// A version is text, as git hands it to a merge driver; an empty `base` is one of no values. Where a side has
    /// rotated the keys, what it sealed anew is no change.
    ///
    /// # Errors
    ///
    /// [`VaultError::Conflict`] names the paths that both sides changed, each in its own way, or made both a value and a
    /// branch. [`VaultError::Foreign`] when they are not versions of one vault, and those of [`open`](Self::open).
    ///
    /// ```
    /// # use jobcrypt_core::{Keyring, SecretKey};
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_vault::{Value, Vault};
    /// # let options = Vault::options(Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?);
    /// let base = options.make(&Value::from_json(r#"{"a": 1, "b": 2}"#)?)?.to_text()?;
    /// let (mut ours, mut theirs) = (options.parse(&base)?, options.parse(&base)?);
    /// ours.set(&"a".parse()?, &Value::number("10")?)?;
    /// theirs.set(&"b".parse()?, &Value::number("20")?)?;
    ///
    /// let merged = options.merge(&base, ours.to_text()?, theirs.to_text()?)?;
    /// assert_eq!(merged.taken, ["b"]);
    /// assert_eq!(merged.vault.get(&jobcrypt_vault::ValuePath::root())?.as_json(), r#"{"a":10,"b":20}"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge(
        &self,
        base: impl AsRef<[u8]>,
        ours: impl AsRef<[u8]>,
        theirs: impl AsRef<[u8]>,
    ) -> Result<Merged, VaultError> {
        let base = match base.as_ref() {
            [] => None,
            base => Some(self.version(BASE, base)?.contents),
        };
        let mut vault = self.version(OURS, ours.as_ref())?;
        let theirs = self.version(THEIRS, theirs.as_ref())?.contents;
        if let Some(base) = &base {
            must_be_one(&vault.contents, base).map_err(in_version(BASE))?;
        }
        must_be_one(&vault.contents, &theirs).map_err(in_version(THEIRS))?;
        let taken = merge(base.as_ref(), &mut vault.contents, &theirs)?;
        Ok(Merged { vault, taken })
    }

    fn version(&self, name: &'static str, text: &[u8]) -> Result<Vault, VaultError> {
        self.parse(text).map_err(in_version(name))
    }
}

/// Says which version it is about: git hands them over in files of no telling names.
fn in_version(name: &'static str) -> impl FnOnce(VaultError) -> VaultError {
    |error| error.in_file(Path::new(name))
}

fn merge(
    base: Option<&Contents>,
    ours: &mut Contents,
    theirs: &Contents,
) -> Result<Vec<String>, VaultError> {
    let names: BTreeSet<String> = ours
        .names()
        .chain(theirs.names())
        .map(str::to_owned)
        .collect();
    let mut taken = Vec::new();
    let mut conflicts = Vec::new();
    for name in &names {
        if is_same(ours, theirs, name)? {
            // Sealed anew on one side, perhaps: the newer key is the better one.
            ours.prefer_newer(name, theirs)?;
        } else if is_unchanged(base, ours, name)? {
            taken.push(name.clone());
        } else if !is_unchanged(base, theirs, name)? {
            conflicts.push(name.clone());
        }
    }
    for name in &taken {
        ours.take_from(theirs, name)?;
    }
    ours.prefer_newer_key(theirs)?;
    conflicts.extend(values_that_are_branches(ours));
    if conflicts.is_empty() {
        return Ok(taken);
    }
    conflicts.sort();
    conflicts.dedup();
    Err(VaultError::Conflict { paths: conflicts })
}

/// Whether both have the value, and the same, or neither has.
fn is_same(one: &Contents, other: &Contents, name: &str) -> Result<bool, VaultError> {
    Ok(one.has(name) == other.has(name) && (!one.has(name) || one.agrees(other, name)?))
}

fn is_unchanged(base: Option<&Contents>, side: &Contents, name: &str) -> Result<bool, VaultError> {
    match base {
        Some(base) => is_same(base, side, name),
        None => Ok(!side.has(name)),
    }
}

/// One side set a value where the other has a branch: together they are no vault.
fn values_that_are_branches(contents: &Contents) -> Vec<String> {
    let names: BTreeSet<&str> = contents.names().collect();
    let mut values = Vec::new();
    for name in &names {
        let Ok(path) = name.parse::<crate::ValuePath>() else {
            continue;
        };
        let parents = path.parents().map(|parent| parent.to_string());
        values.extend(parents.filter(|parent| names.contains(&**parent)));
    }
    debug_assert!(
        values
            .iter()
            .all(|it| names.iter().any(|name| value_path::is_below(name, it)))
    );
    values
}

fn must_be_one(ours: &Contents, other: &Contents) -> Result<(), VaultError> {
    match (ours.id(), other.id()) {
        (Some(wanted), Some(found)) if wanted != found => Err(VaultError::Foreign {
            file: None,
            found,
            wanted,
        }),
        (Some(_), Some(_)) | (None, None) => Ok(()),
        _ => Err(VaultError::damaged(
            "one version is in the seed's format and the other is not",
        )),
    }
}
