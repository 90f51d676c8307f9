//! Ciphers and purposes by the names that stand in tokens and contexts.

use std::sync::Arc;

use jobcrypt::{
    Encryptor, JobContext, Keyring, KeyringBuilder, Purpose, SecretKey,
    ciphers::{Aes256Gcm, Aes256GcmSiv, ChaCha20Poly1305, Fernet, Secretbox, XChaCha20Poly1305},
};

const X_REPORT: Purpose = Purpose::custom("x-report");

pub(crate) fn purpose(name: &str) -> Purpose {
    [
        Purpose::ARGS,
        Purpose::ERROR,
        Purpose::OUTPUT,
        Purpose::VALUE,
        Purpose::VAULT,
        X_REPORT,
    ]
    .into_iter()
    .find(|purpose| purpose.as_str() == name)
    .unwrap_or_else(|| panic!("no purpose is named {name}"))
}

pub(crate) fn context<'a>(kind: &'a str, purpose_name: &str, detail: &'a str) -> JobContext<'a> {
    JobContext::new(kind)
        .with_purpose(purpose(purpose_name))
        .with_detail(detail)
}

pub(crate) fn encryptor(cipher: &str, key: &[u8]) -> Arc<dyn Encryptor> {
    let key = SecretKey::from_bytes(key).expect("every key here has 32 bytes");
    match cipher {
        "aes256gcm" => Arc::new(Aes256Gcm::new(key)),
        "aes256gcmsiv" => Arc::new(Aes256GcmSiv::new(key)),
        "chacha20poly1305" => Arc::new(ChaCha20Poly1305::new(key)),
        "fernet" => Arc::new(Fernet::new(key)),
        "secretbox" => Arc::new(Secretbox::new(key)),
        "xchacha20poly1305" => Arc::new(XChaCha20Poly1305::new(key)),
        _ => panic!("no cipher is named {cipher}"),
    }
}

pub(crate) fn keyring(encryptors: impl IntoIterator<Item = Arc<dyn Encryptor>>) -> Keyring {
    let mut encryptors = encryptors.into_iter();
    let primary = encryptors.next().expect("every keyring here has a key");
    encryptors
        .fold(Keyring::new(primary), KeyringBuilder::and)
        .build()
        .expect("the keys here are sound")
}
