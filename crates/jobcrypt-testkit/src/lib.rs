//! Proof for whoever builds on jobcrypt: functions that check an encryptor of your own, encryptors
//! that fail on purpose, the frozen vectors of the stored format, and throwaway servers.

pub mod conformance;
mod faulty_encryptor;
#[cfg(unix)]
mod postgres_programs;
#[cfg(unix)]
mod postgres_server;

pub use faulty_encryptor::FaultyEncryptor;
#[cfg(unix)]
pub use postgres_programs::PostgresPrograms;
#[cfg(unix)]
pub use postgres_server::PostgresServer;
