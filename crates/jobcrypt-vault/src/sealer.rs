//! Tokens of one vault, by way of core's hook: each bound to the vault's id and to its place in the vault.

use jobcrypt_core::{
    EncryptHook, Envelope, Error, ErrorKind, JobContext, KeyId, Keys, Policy, Purpose,
};
use zeroize::Zeroizing;

use crate::{VaultError, VaultId};

/// What core writes around a token.
const BEFORE: &str = "{\"river_encrypt\":\"";
const BEHIND: &str = "\"}";

#[derive(Debug)]
pub(crate) struct Sealer(EncryptHook);

impl Sealer {
    pub(crate) fn new(keys: Keys, id: VaultId) -> Result<Self, VaultError> {
        let hook = EncryptHook::builder(keys)
            .namespace(id.to_string())
            .default_policy(Policy::sealed().reject_plaintext())
            .build()?;
        Ok(Self(hook))
    }

    /// Seals what belongs at `place`.
    pub(crate) fn seal(&self, place: &str, plaintext: &[u8]) -> Result<Box<str>, VaultError> {
        let envelope = self
            .0
            .seal_bytes(&context(place), plaintext)?
            .expect("the policy seals everything");
        let envelope = String::from_utf8(envelope).expect("an envelope is ASCII");
        let token = envelope
            .strip_prefix(BEFORE)
            .and_then(|rest| rest.strip_suffix(BEHIND))
            .expect("core writes an envelope in one way");
        Ok(token.into())
    }

    /// Opens the token that stands at `place`.
    pub(crate) fn open(&self, place: &str, token: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let envelope = [BEFORE, token, BEHIND].concat();
        let opened = self.0.open_bytes(&context(place), envelope.as_bytes());
        let plaintext = opened.map_err(|error| self.explain(error, place))?;
        plaintext
            .map(Zeroizing::new)
            .ok_or_else(|| VaultError::damaged("it holds a value that is not sealed"))
    }

    /// Returns the id of the key that seals.
    pub(crate) fn primary(&self) -> Result<KeyId, VaultError> {
        Ok(self.0.primary_of(&context(""))?)
    }

    /// Says what core's answer means for a vault.
    fn explain(&self, error: Error, place: &str) -> VaultError {
        match error.kind() {
            ErrorKind::NoMatchingKey | ErrorKind::KeyRetired => VaultError::WrongKey {
                file: None,
                wanted: error.key_id(),
                tried: self.0.keys().snapshot().keys().len(),
            },
            ErrorKind::AuthenticationFailed | ErrorKind::Malformed => {
                let what = match place {
                    "" => "the id or the key of the file was",
                    _ => "a value was",
                };
                VaultError::damaged(format!("{what} altered, or belongs elsewhere"))
            }
            _ => VaultError::Keys(error),
        }
    }
}

/// Returns the id of the key that a token names.
pub(crate) fn key_of(token: &str) -> Result<KeyId, VaultError> {
    Envelope::parse(token)
        .map(|envelope| envelope.key_id())
        .map_err(|error| match error.kind() {
            ErrorKind::UnsupportedVersion => VaultError::UnsupportedVersion {
                file: None,
                why: "a token in it is of a later version",
            },
            _ => VaultError::damaged("what stands for a value is no token"),
        })
}

fn context(place: &str) -> JobContext<'_> {
    JobContext::new("")
        .with_purpose(Purpose::VAULT)
        .with_detail(place)
}
