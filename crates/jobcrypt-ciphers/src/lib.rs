//! The ciphers of jobcrypt, each an [`Encryptor`](jobcrypt_core::Encryptor) behind a feature of its
//! own name: `XChaCha20Poly1305` (the one to take where nothing asks for another), `Aes256Gcm`,
//! `Aes256GcmSiv`, `ChaCha20Poly1305`, `Fernet` and `Secretbox`.
//!
//! No type of the libraries that encrypt shows here, so that an upgrade of theirs is not one of
//! yours. `docs/decisions/0004-which-libraries-encrypt.md` says which they are and why.

#[cfg(feature = "aes256gcm")]
mod aes256gcm;
#[cfg(feature = "fips")]
mod aes256gcm_fips;
#[cfg(feature = "aes256gcmsiv")]
mod aes256gcmsiv;
#[cfg(any(
    feature = "aes256gcm",
    feature = "aes256gcmsiv",
    feature = "chacha20poly1305"
))]
mod aws_lc_key;
mod by_name;
#[cfg(feature = "chacha20poly1305")]
mod chacha20poly1305;
#[cfg(feature = "fernet")]
mod fernet;
#[cfg(any(
    feature = "aes256gcm",
    feature = "aes256gcmsiv",
    feature = "chacha20poly1305",
    feature = "fernet",
    feature = "secretbox",
    feature = "xchacha20poly1305"
))]
mod nonce;
#[cfg(feature = "secretbox")]
mod secretbox;
#[cfg(any(
    feature = "aes256gcm",
    feature = "aes256gcmsiv",
    feature = "chacha20poly1305",
    feature = "fips"
))]
mod use_count;
#[cfg(feature = "xchacha20poly1305")]
mod xchacha20poly1305;

#[cfg(feature = "aes256gcm")]
pub use aes256gcm::Aes256Gcm;
#[cfg(feature = "fips")]
pub use aes256gcm_fips::{Aes256GcmFips, FipsModule};
#[cfg(feature = "aes256gcmsiv")]
pub use aes256gcmsiv::Aes256GcmSiv;
pub use by_name::encryptor;
#[cfg(feature = "chacha20poly1305")]
pub use chacha20poly1305::ChaCha20Poly1305;
#[cfg(feature = "fernet")]
pub use fernet::Fernet;
#[cfg(feature = "secretbox")]
pub use secretbox::Secretbox;
#[cfg(feature = "xchacha20poly1305")]
pub use xchacha20poly1305::XChaCha20Poly1305;
