#![doc = include_str!("../README.md")]

pub use jobcrypt_ciphers as ciphers;
pub use jobcrypt_core::*;
#[cfg(feature = "river")]
pub use jobcrypt_river as river;
