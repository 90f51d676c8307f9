#![doc = include_str!("../README.md")]

#[doc(inline)]
pub use jobcrypt_ciphers as ciphers;
pub use jobcrypt_core::*;
#[cfg(feature = "keys")]
#[doc(inline)]
pub use jobcrypt_keys as keys;
#[cfg(any(feature = "river-postgres", feature = "river-sqlite"))]
#[doc(inline)]
pub use jobcrypt_river as river;
