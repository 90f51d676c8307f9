// Its example needs a cipher.
#![cfg_attr(feature = "xchacha20poly1305", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "xchacha20poly1305"),
    doc = "Encrypts the args of background jobs."
)]

#[cfg(any(
    feature = "apalis-postgres",
    feature = "apalis-redis",
    feature = "apalis-sqlite"
))]
#[doc(inline)]
pub use jobcrypt_apalis as apalis;
#[cfg(feature = "audit")]
#[doc(inline)]
pub use jobcrypt_audit as audit;
#[doc(inline)]
pub use jobcrypt_ciphers as ciphers;
pub use jobcrypt_core::*;
#[cfg(feature = "graphile-worker")]
#[doc(inline)]
pub use jobcrypt_graphile_worker as graphile_worker;
#[cfg(feature = "keys")]
#[doc(inline)]
pub use jobcrypt_keys as keys;
#[cfg(any(feature = "river-postgres", feature = "river-sqlite"))]
#[doc(inline)]
pub use jobcrypt_river as river;
#[cfg(feature = "sidekiq")]
#[doc(inline)]
pub use jobcrypt_sidekiq as sidekiq;
#[cfg(any(feature = "store-postgres", feature = "store-sqlite"))]
#[doc(inline)]
pub use jobcrypt_store as store;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use jobcrypt_tower as tower;
#[cfg(feature = "vault")]
#[doc(inline)]
pub use jobcrypt_vault as vault;
