//! The ciphers of jobcrypt, each an [`Encryptor`](jobcrypt_core::Encryptor) behind a feature of its
//! own name: [`XChaCha20Poly1305`] (the one to take where nothing asks for another), [`Secretbox`]
//! and [`Fernet`].
//!
//! The primitives are those of RustCrypto. None of its types shows here, so that an upgrade of it
//! is not one of yours.

#[cfg(feature = "fernet")]
mod fernet;
#[cfg(any(
    feature = "fernet",
    feature = "secretbox",
    feature = "xchacha20poly1305"
))]
mod nonce;
#[cfg(feature = "secretbox")]
mod secretbox;
#[cfg(feature = "xchacha20poly1305")]
mod xchacha20poly1305;

#[cfg(feature = "fernet")]
pub use fernet::Fernet;
#[cfg(feature = "secretbox")]
pub use secretbox::Secretbox;
#[cfg(feature = "xchacha20poly1305")]
pub use xchacha20poly1305::XChaCha20Poly1305;
