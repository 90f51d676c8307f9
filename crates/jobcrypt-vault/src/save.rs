use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{Vault, VaultError, contents::Contents, place::Place};

/// The file that a vault was read from, as it was then.
pub(crate) struct Origin {
    pub(crate) place: Arc<Place>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Origin {
    pub(crate) fn new(place: Arc<Place>, bytes: Vec<u8>) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self { place, bytes }
    }
}

impl Vault {
    /// Writes the vault to the file that it was opened from: beside it, to the disk, then in its place. Returns whether
    /// anything had changed; if not, the file is not touched. The file keeps its mode and its owner.
    ///
    /// # Errors
    ///
    /// [`VaultError::Changed`] when the file was changed since it was opened; [`VaultError::Locked`] when another process
    /// changes it now; [`VaultError::Io`]. Each leaves the file as it was.
    pub fn save(&mut self) -> Result<bool, VaultError> {
        let origin = self.origin.as_ref().ok_or(VaultError::NotFromAFile)?;
        let place = Arc::clone(&origin.place);
        let _lock = place.lock(self.patience)?;
        self.save_locked(|_| Ok(()))
    }

    /// Saves while the caller holds the lock; `check` gets what was written before it counts.
    pub(crate) fn save_locked(
        &mut self,
        check: impl FnOnce(&Contents) -> Result<(), VaultError>,
    ) -> Result<bool, VaultError> {
        let text = self.contents.to_text()?;
        let origin = self.origin.as_mut().ok_or(VaultError::NotFromAFile)?;
        let now = origin.place.read()?;
        if now.bytes != origin.bytes {
            return Err(VaultError::Changed {
                path: origin.place.path.clone(),
            });
        }
        // White space around a token of the seed's format is none of its contents.
        if origin.bytes.trim_ascii() == text.trim_ascii().as_bytes() {
            return Ok(false);
        }
        let keys = self.keys.clone();
        let mut saved = None;
        let read_back = |written: &[u8]| {
            let contents = saved.insert(Contents::parse(written, keys)?);
            check(contents)
        };
        origin
            .place
            .replace(text.as_bytes(), now.rights, read_back)?;
        // As it is in the file: a document of the seed's format is a new token each time it is encrypted.
        self.contents = saved.expect("what replaces a file was read back");
        origin.bytes = Zeroizing::new(text.into_bytes());
        Ok(true)
    }
}
