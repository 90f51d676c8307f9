#![doc = include_str!("../README.md")]

#[doc(inline)]
pub use jobcrypt_ciphers as ciphers;
pub use jobcrypt_core::*;
#[cfg(any(feature = "river-postgres", feature = "river-sqlite"))]
#[doc(inline)]
pub use jobcrypt_river as river;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use jobcrypt_tower as tower;
