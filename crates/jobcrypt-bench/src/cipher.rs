use jobcrypt::{
    EncryptHook, Encryptor, Error, Keyring, SecretKey,
    ciphers::{Aes256Gcm, Aes256GcmSiv, ChaCha20Poly1305, Fernet, Secretbox, XChaCha20Poly1305},
};

use crate::limit::{self, Bare};

/// A cipher of jobcrypt, and the primitive that is the limit of its speed.
pub(crate) struct Cipher {
    pub(crate) name: &'static str,
    keyring: fn(Vec<SecretKey>) -> Result<Keyring, Error>,
    pub(crate) limit: fn(&Bare<'_>) -> f64,
}

/// All there are, one line each. The first also stands for what no cipher has a part in.
#[rustfmt::skip]
pub(crate) const CIPHERS: [Cipher; 6] = [
    Cipher { name: "xchacha20poly1305", keyring: |keys| keyring(XChaCha20Poly1305::new, keys), limit: limit::xchacha20poly1305 },
    Cipher { name: "secretbox", keyring: |keys| keyring(Secretbox::new, keys), limit: limit::secretbox },
    Cipher { name: "aes256gcm", keyring: |keys| keyring(Aes256Gcm::new, keys), limit: limit::aes256gcm },
    Cipher { name: "aes256gcmsiv", keyring: |keys| keyring(Aes256GcmSiv::new, keys), limit: limit::aes256gcmsiv },
    Cipher { name: "chacha20poly1305", keyring: |keys| keyring(ChaCha20Poly1305::new, keys), limit: limit::chacha20poly1305 },
    Cipher { name: "fernet", keyring: |keys| keyring(Fernet::new, keys), limit: limit::fernet },
];

impl Cipher {
    /// Makes a hook with these keys, the primary first.
    pub(crate) fn hook(&self, keys: Vec<SecretKey>) -> Result<EncryptHook, Error> {
        EncryptHook::builder((self.keyring)(keys)?)
            .namespace("prod")
            .build()
    }
}

fn keyring<E: Encryptor>(
    encryptor: fn(SecretKey) -> E,
    keys: Vec<SecretKey>,
) -> Result<Keyring, Error> {
    let mut encryptors = keys.into_iter().map(encryptor);
    let primary = encryptors.next().expect("each hook here has a key");
    encryptors
        .fold(Keyring::new(primary), |builder, secondary| {
            builder.and(secondary)
        })
        .build()
}
