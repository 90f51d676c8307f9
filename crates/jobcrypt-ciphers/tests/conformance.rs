//! Every cipher keeps the contract, also behind `Arc<dyn Encryptor>`.

#![cfg(any(
    feature = "aes256gcm",
    feature = "aes256gcmsiv",
    feature = "chacha20poly1305",
    feature = "fernet",
    feature = "secretbox",
    feature = "xchacha20poly1305"
))]

use std::sync::Arc;

use jobcrypt_core::{Encryptor, SecretKey};
use jobcrypt_testkit::conformance;

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

#[cfg(feature = "fips")]
#[test]
fn aes256gcm_inside_the_fips_module() {
    let new = || jobcrypt_ciphers::Aes256GcmFips::new(key()).expect("the module is in FIPS mode");
    conformance::encryptor(new);
    conformance::encryptor::<Arc<dyn Encryptor>>(|| Arc::new(new()));
}

macro_rules! keeps_the_contract {
    ($($feature:literal $test:ident $cipher:ident;)*) => {$(
        #[cfg(feature = $feature)]
        #[test]
        fn $test() {
            conformance::encryptor(|| jobcrypt_ciphers::$cipher::new(key()));
            conformance::encryptor::<Arc<dyn Encryptor>>(|| {
                Arc::new(jobcrypt_ciphers::$cipher::new(key()))
            });
        }
    )*};
}

keeps_the_contract! {
    "aes256gcm" aes256gcm Aes256Gcm;
    "aes256gcmsiv" aes256gcmsiv Aes256GcmSiv;
    "chacha20poly1305" chacha20poly1305 ChaCha20Poly1305;
    "fernet" fernet Fernet;
    "secretbox" secretbox Secretbox;
    "xchacha20poly1305" xchacha20poly1305 XChaCha20Poly1305;
}
