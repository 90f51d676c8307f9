use std::{path::Path, sync::Arc};

use jobcrypt_core::KeyId;

use crate::{Vault, VaultError, VaultOptions, contents::Contents, place::Place};

/// What a rotation did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rotated {
    /// How many values were sealed anew.
    pub moved: usize,
    /// How many were under the primary already.
    pub kept: usize,
    /// The key that all are sealed with now.
    pub primary: KeyId,
    /// Whether the file was replaced.
    pub is_written: bool,
}

impl Vault {
    /// Seals with the primary whatever is not, in memory. Returns how many values were.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongKey`] when a key for one of the values is missing: then some have moved and others have not, and
    /// the vault still opens with all keys that it needed before.
    pub fn rotate(&mut self) -> Result<usize, VaultError> {
        self.contents.rotate()
    }
}

impl VaultOptions {
    /// Moves the vault at `path` to the primary. The keys that are given are the new one in front and the old ones behind it,
    /// and the new one rests where it will be found again: the vault is replaced by the end of this call.
    ///
    /// The new file is written beside the old one, to the disk, and read back; each value is opened under the new key and
    /// compared; then it takes the place of the old one. A rotation that dies leaves the old file or the new one, and
    /// is run again. The old keys go on opening older versions of the file until they are left out of the list.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`Vault::save`]; the file is as it was.
    ///
    /// ```
    /// # use jobcrypt_core::{Keyring, SecretKey};
    /// # use jobcrypt_ciphers::XChaCha20Poly1305;
    /// # use jobcrypt_vault::{Value, Vault};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("credentials.vault");
    /// # let old_key = || SecretKey::from_base64("SuKeqmn1GrWZM2PJFEqHTEqPRkr4HQrhR8d1PnMhs9Q=").map(XChaCha20Poly1305::new);
    /// # Vault::options(Keyring::new(old_key()?).build()?).create(&path, &Value::from_json(r#"{"a": 1}"#)?)?;
    /// let new_key = XChaCha20Poly1305::new(SecretKey::generate()?);
    /// let keyring = Keyring::new(new_key).and(old_key()?).build()?;
    /// let rotated = Vault::options(keyring).rotate(&path)?;
    /// assert_eq!((rotated.moved, rotated.kept), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate(&self, path: impl AsRef<Path>) -> Result<Rotated, VaultError> {
        let place = Arc::new(Place::find(path.as_ref())?);
        let _lock = place.lock(self.patience)?;
        let before = self.read(Arc::clone(&place))?;
        let mut vault = self.read(Arc::clone(&place))?;
        let moved = vault.rotate()?;
        let primary = vault.contents.primary()?;
        let is_written = vault.save_locked(|written| check(&before.contents, written, primary))?;
        Ok(Rotated {
            moved,
            kept: before.names().len() - moved,
            primary,
            is_written,
        })
    }
}

/// Checks what has reached the disk: the same values, and none under another key.
fn check(before: &Contents, written: &Contents, primary: KeyId) -> Result<(), VaultError> {
    let is_complete = before.names().eq(written.names()) && written.is_under(primary);
    let mut names = before.names();
    let is_same = |name: &str| Ok::<_, VaultError>(before.reveal(name)? == written.reveal(name)?);
    if is_complete
        && names.try_fold(true, |all, name| Ok::<_, VaultError>(all && is_same(name)?))?
    {
        return Ok(());
    }
    Err(VaultError::damaged(
        "what was read back is not what was to be written; the old file stays",
    ))
}
