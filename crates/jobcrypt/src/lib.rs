#![doc = include_str!("../README.md")]

#[doc(inline)]
pub use jobcrypt_ciphers as ciphers;
pub use jobcrypt_core::*;
#[cfg(any(feature = "river-postgres", feature = "river-sqlite"))]
#[doc(inline)]
pub use jobcrypt_river as river;
#[cfg(any(feature = "store-postgres", feature = "store-sqlite"))]
#[doc(inline)]
pub use jobcrypt_store as store;
