//! Keys and values for the tests.

use std::path::{Path, PathBuf};

use jobcrypt_ciphers::{Fernet, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{Key, Keyring, KeyringBuilder, SecretKey};
use jobcrypt_vault::{Value, ValuePath, Vault, VaultOptions};

/// The ciphers that a vault is tried with: two that do not take associated data, and one that does.
pub(crate) const CIPHERS: [&str; 3] = ["fernet", "secretbox", "xchacha20poly1305"];

/// A key, always the same for the same number.
pub(crate) fn secret(number: u8) -> SecretKey {
    let mut key = [0; 32];
    for (at, byte) in (0_u8..).zip(&mut key) {
        *byte = at.wrapping_mul(37) ^ number.wrapping_mul(101) ^ 0x5a;
    }
    key.into()
}

pub(crate) fn key(cipher: &str, number: u8) -> Key {
    let secret = secret(number);
    match cipher {
        "fernet" => Key::new(Fernet::new(secret)),
        "secretbox" => Key::new(Secretbox::new(secret)),
        _ => Key::new(XChaCha20Poly1305::new(secret)),
    }
}

/// A keyring of these keys, the primary first.
pub(crate) fn keyring(keys: impl IntoIterator<Item = Key>) -> Keyring {
    let mut keys = keys.into_iter();
    let primary = keys.next().expect("every keyring here has a key");
    keys.fold(Keyring::new(primary), KeyringBuilder::and)
        .build()
        .expect("the keys here are sound")
}

/// Opens vaults with one key, or with several, the primary first.
pub(crate) fn options(numbers: &[u8]) -> VaultOptions {
    let keys = numbers
        .iter()
        .map(|number| key("xchacha20poly1305", *number));
    Vault::options(keyring(keys))
}

pub(crate) fn json(text: &str) -> Value {
    Value::from_json(text).expect("it is JSON")
}

pub(crate) fn path(text: &str) -> ValuePath {
    text.parse().expect("it is a path")
}

pub(crate) fn whole(vault: &Vault) -> String {
    let value = vault.get(&ValuePath::root()).expect("it opens");
    value.as_json().to_owned()
}

pub(crate) fn text(vault: &Vault) -> String {
    vault.to_text().expect("it is written")
}

/// A folder with a vault in it.
pub(crate) fn on_disk(options: &VaultOptions, values: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials.vault");
    options.create(&path, &json(values)).expect("it is created");
    (folder, path)
}

/// Which files there are.
pub(crate) fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("it is there")
        .map(|entry| {
            entry
                .expect("it can be read")
                .file_name()
                .into_string()
                .expect("it is text")
        })
        .collect();
    names.sort();
    names
}
