//! A vault in the own format: one token for each value, and a MAC over all of them.

use std::{collections::BTreeSet, fmt};

use jobcrypt_core::{KeyId, Keys};
use zeroize::Zeroizing;

use crate::{
    Value, VaultError, VaultId,
    mac_key::MacKey,
    sealer::{self, Sealer},
    vault_text::{self, Tokens, VaultText},
};

pub(crate) struct SealedEntries {
    pub(crate) id: VaultId,
    sealer: Sealer,
    mac_key: MacKey,
    tokens: Tokens,
}

impl SealedEntries {
    /// Makes a new vault, of no values.
    pub(crate) fn new(keys: Keys) -> Result<Self, VaultError> {
        let id = VaultId::random()?;
        let sealer = Sealer::new(keys, id)?;
        Ok(Self {
            id,
            mac_key: MacKey::random(&sealer)?,
            sealer,
            tokens: Tokens::new(),
        })
    }

    /// Reads a file, and believes it: the MAC is that of a holder of the keys.
    pub(crate) fn parse(text: &str, keys: Keys) -> Result<Self, VaultError> {
        let VaultText {
            id,
            key,
            mac,
            entries,
        } = VaultText::parse(text)?;
        let sealer = Sealer::new(keys, id)?;
        let mac_key = MacKey::open(&sealer, &key)?;
        if !mac_key.fits(&mac, id, pairs(&entries)) {
            return Err(VaultError::damaged(
                "its lines do not belong together: one was altered, added, dropped or taken from elsewhere, or they \
                 were merged as text, where `jobcrypt vault merge` merges values",
            ));
        }
        Ok(Self {
            id,
            sealer,
            mac_key,
            tokens: entries,
        })
    }

    pub(crate) fn to_text(&self) -> String {
        let mac = self.mac_key.mac(self.id, pairs(&self.tokens));
        vault_text::write(self.id, &self.mac_key.token, &mac, &self.tokens)
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tokens.keys().map(|name| &**name)
    }

    pub(crate) fn token(&self, name: &str) -> Option<&str> {
        self.tokens.get(name).map(|token| &**token)
    }

    /// Opens one value.
    pub(crate) fn reveal(&self, name: &str) -> Result<Option<Value>, VaultError> {
        let Some(token) = self.tokens.get(name) else {
            return Ok(None);
        };
        let mut json = self.sealer.open(name, token)?;
        let json = String::from_utf8(std::mem::take(&mut *json))
            .map_err(|error| drop(Zeroizing::new(error.into_bytes())));
        json.map(|json| Some(Value::canonical(Zeroizing::new(json))))
            .map_err(|()| VaultError::damaged("a value in it is not text"))
    }

    /// Seals one value.
    pub(crate) fn insert(&mut self, name: &str, value: &Value) -> Result<(), VaultError> {
        let token = self.sealer.seal(name, value.as_json().as_bytes())?;
        self.tokens.insert(name.into(), token);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.tokens.remove(name);
    }

    /// Takes a token of another copy of this vault as it is.
    pub(crate) fn adopt(&mut self, name: &str, token: &str) {
        self.tokens.insert(name.into(), token.into());
    }

    /// Returns the keys that something in the vault is sealed with.
    pub(crate) fn keys_in_use(&self) -> BTreeSet<KeyId> {
        let values = self.tokens.values();
        let tokens = values.chain([&self.mac_key.token]);
        tokens.map(|token| key_of(token)).collect()
    }

    /// Seals with the primary whatever is not; returns how many values that were.
    pub(crate) fn rotate(&mut self) -> Result<usize, VaultError> {
        let primary = self.sealer.primary()?;
        if key_of(&self.mac_key.token) != primary {
            // A new one: who had the old primary may know this one.
            self.mac_key = MacKey::random(&self.sealer)?;
        }
        let mut moved = 0;
        for (name, token) in &mut self.tokens {
            if key_of(token) != primary {
                let plaintext = self.sealer.open(name, token)?;
                *token = self.sealer.seal(name, &plaintext)?;
                moved += 1;
            }
        }
        Ok(moved)
    }

    /// Takes the file's key of another copy of this vault, if it is under the primary and ours is not.
    pub(crate) fn prefer_newer_key(&mut self, other: &Self) -> Result<(), VaultError> {
        let primary = self.sealer.primary()?;
        let is_new = |key: &MacKey| key_of(&key.token) == primary;
        if !is_new(&self.mac_key) && is_new(&other.mac_key) {
            self.mac_key = MacKey::open(&self.sealer, &other.mac_key.token)?;
        }
        Ok(())
    }

    /// Returns the id of the key that seals.
    pub(crate) fn primary(&self) -> Result<KeyId, VaultError> {
        self.sealer.primary()
    }

    /// Whether the primary sealed this token.
    pub(crate) fn is_under_primary(&self, token: &str) -> Result<bool, VaultError> {
        Ok(key_of(token) == self.sealer.primary()?)
    }
}

/// Returns the key that a token of a vault names.
fn key_of(token: &str) -> KeyId {
    sealer::key_of(token).expect("each token was read or written by a vault")
}

fn pairs(tokens: &Tokens) -> impl ExactSizeIterator<Item = (&str, &str)> {
    tokens.iter().map(|(path, token)| (&**path, &**token))
}

impl fmt::Debug for SealedEntries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SealedEntries")
            .field("id", &self.id)
            .field("entries", &self.tokens.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jobcrypt_ciphers::XChaCha20Poly1305;
    use jobcrypt_core::{Keyring, SecretKey};

    use super::*;

    #[test]
    fn a_rotation_draws_a_new_key_of_the_file_once() {
        let key = || XChaCha20Poly1305::new(SecretKey::generate().expect("there is randomness"));
        let keys = Keys::from(Keyring::new(key()).build().expect("the key is sound"));
        let mut vault = SealedEntries::new(keys.clone()).expect("it encrypts");
        let known = *vault.mac_key.key.expose();
        keys.rotate(key()).expect("the key is sound");
        vault.rotate().expect("it rotates");
        // Whoever had the old key could else make a MAC for lines that he chose.
        let drawn = *vault.mac_key.key.expose();
        assert_ne!(drawn, known);
        vault.rotate().expect("nothing is to be done");
        assert_eq!(*vault.mac_key.key.expose(), drawn);
    }
}
