use jobcrypt_core::{CipherName, Encryptor, Error, ErrorKind, Key, KeyFingerprint, KeyId};

use crate::{loaded::make_keyring, snapshot::Snapshot};

/// Checks the keys of a repository as a keyring would, without any cipher at hand: none weak, none
/// twice, none that shares its bytes.
pub(crate) fn check(snapshot: &Snapshot) -> Result<(), Error> {
    let keys = snapshot.keys.iter().map(|key| {
        Key::new(Unused {
            cipher: key.record.cipher,
            id: key.record.id,
            fingerprint: key.secret.fingerprint(),
        })
    });
    make_keyring(keys.collect(), []).map(drop)
}

/// A key that is compared and never used.
struct Unused {
    cipher: CipherName,
    id: KeyId,
    fingerprint: KeyFingerprint,
}

impl Unused {
    fn refusal() -> Error {
        Error::new(ErrorKind::EncryptionFailed, "this key is only compared")
    }
}

impl Encryptor for Unused {
    fn cipher(&self) -> CipherName {
        self.cipher
    }

    fn key_id(&self) -> KeyId {
        self.id
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        Some(self.fingerprint)
    }

    fn encrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Self::refusal())
    }

    fn decrypt(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>) -> Result<(), Error> {
        Err(Self::refusal())
    }
}
