use std::env;

use clap::Args;
use jobcrypt::{CipherName, EncryptHook, Keyring, KeyringBuilder, SecretKey, ciphers};
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure};

/// The hook that seals and opens the jobs at hand: its keys and its namespace.
#[derive(Args)]
pub(crate) struct HookArguments {
    /// The environment variable that holds the keys, newest first, separated by commas
    #[arg(long, value_name = "VARIABLE", default_value = "JOBCRYPT_KEYS")]
    keys_from: String,

    /// The cipher of keys that do not name theirs, as `fernet:KEY` does
    #[arg(long, default_value = "xchacha20poly1305")]
    cipher: CipherName,

    /// The namespace that producers and workers set
    #[arg(long, default_value = "")]
    namespace: String,
}

impl HookArguments {
    pub(crate) fn hook(&self) -> Result<EncryptHook, Failure> {
        let text = env::var(&self.keys_from).map(Zeroizing::new).map_err(|_| {
            Failure::new(
                Exit::Keys,
                format!("the variable {} is not set", self.keys_from),
            )
        })?;
        let mut keyring: Option<KeyringBuilder> = None;
        for entry in text.split(',').map(str::trim) {
            let (cipher, key) = match entry.split_once(':') {
                Some((cipher, key)) => (cipher.parse().map_err(unusable)?, key),
                None => (self.cipher, entry),
            };
            let key = SecretKey::from_base64(key).map_err(unusable)?;
            let key = ciphers::encryptor(cipher, key).map_err(unusable)?;
            keyring = Some(match keyring {
                None => Keyring::new(key),
                Some(keyring) => keyring.and(key),
            });
        }
        let keyring = keyring
            .ok_or_else(|| Failure::new(Exit::Keys, "there is no key"))?
            .build()
            .map_err(unusable)?;
        EncryptHook::builder(keyring)
            .namespace(&*self.namespace)
            .build()
            .map_err(unusable)
    }
}

fn unusable(error: jobcrypt::Error) -> Failure {
    Failure::new(Exit::Keys, "the keys cannot be used").because(error)
}
