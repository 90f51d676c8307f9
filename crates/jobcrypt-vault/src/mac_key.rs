//! The key that authenticates the whole file: random, and kept in the file as a token of the vault's keys.

use hmac::{Hmac, KeyInit, Mac};
use jobcrypt_core::SecretKey;
use sha2::Sha256;

use crate::{VaultError, VaultId, sealer::Sealer};

pub(crate) struct MacKey {
    pub(crate) key: SecretKey,
    /// The key as it stands in the file.
    pub(crate) token: Box<str>,
}

/// Where the key belongs: no value has a path of nothing.
const PLACE: &str = "";
const DOMAIN: &[u8] = b"jobcrypt/vault/v1";

impl MacKey {
    /// Draws a new one.
    pub(crate) fn random(sealer: &Sealer) -> Result<Self, VaultError> {
        let key = SecretKey::generate()?;
        let token = sealer.seal(PLACE, key.expose())?;
        Ok(Self { key, token })
    }

    /// Takes the one in a file.
    pub(crate) fn open(sealer: &Sealer, token: &str) -> Result<Self, VaultError> {
        let bytes = sealer.open(PLACE, token)?;
        let key = SecretKey::from_bytes(&bytes)
            .map_err(|_| VaultError::damaged("the key of the file is not one"))?;
        Ok(Self {
            key,
            token: token.into(),
        })
    }

    /// Computes the MAC of a vault of these entries, in their order.
    pub(crate) fn mac<'e, E>(&self, id: VaultId, entries: E) -> [u8; 32]
    where
        E: ExactSizeIterator<Item = (&'e str, &'e str)>,
    {
        self.begun(id, entries).finalize().into_bytes().into()
    }

    /// Whether `mac` is that of a vault of these entries; the comparison takes the same time for each wrong one.
    pub(crate) fn fits<'e, E>(&self, mac: &[u8; 32], id: VaultId, entries: E) -> bool
    where
        E: ExactSizeIterator<Item = (&'e str, &'e str)>,
    {
        self.begun(id, entries).verify(mac.into()).is_ok()
    }

    fn begun<'e, E>(&self, id: VaultId, entries: E) -> Hmac<Sha256>
    where
        E: ExactSizeIterator<Item = (&'e str, &'e str)>,
    {
        let mut mac =
            Hmac::new_from_slice(self.key.expose()).expect("HMAC takes keys of any length");
        let mut part = |bytes: &[u8]| {
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        part(DOMAIN);
        part(id.as_bytes());
        part(self.token.as_bytes());
        part(&(entries.len() as u64).to_be_bytes());
        for (path, token) in entries {
            part(path.as_bytes());
            part(token.as_bytes());
        }
        mac
    }
}
