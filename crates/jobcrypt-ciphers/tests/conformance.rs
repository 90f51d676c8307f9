//! Every cipher keeps the contract, also behind `Arc<dyn Encryptor>`.

use std::sync::Arc;

use jobcrypt_core::{Encryptor, SecretKey};
use jobcrypt_testkit::conformance;

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

#[cfg(feature = "fernet")]
#[test]
fn fernet() {
    conformance::encryptor(|| jobcrypt_ciphers::Fernet::new(key()));
    conformance::encryptor::<Arc<dyn Encryptor>>(|| Arc::new(jobcrypt_ciphers::Fernet::new(key())));
}

#[cfg(feature = "secretbox")]
#[test]
fn secretbox() {
    conformance::encryptor(|| jobcrypt_ciphers::Secretbox::new(key()));
    conformance::encryptor::<Arc<dyn Encryptor>>(|| {
        Arc::new(jobcrypt_ciphers::Secretbox::new(key()))
    });
}

#[cfg(feature = "xchacha20poly1305")]
#[test]
fn xchacha20poly1305() {
    conformance::encryptor(|| jobcrypt_ciphers::XChaCha20Poly1305::new(key()));
    conformance::encryptor::<Arc<dyn Encryptor>>(|| {
        Arc::new(jobcrypt_ciphers::XChaCha20Poly1305::new(key()))
    });
}
