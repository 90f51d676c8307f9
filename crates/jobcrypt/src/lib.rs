#![doc = include_str!("../README.md")]

pub use jobcrypt_ciphers as ciphers;
pub use jobcrypt_core::*;
#[cfg(any(feature = "river-postgres", feature = "river-sqlite"))]
pub use jobcrypt_river as river;
