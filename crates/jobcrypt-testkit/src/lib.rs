//! Proof for whoever builds on jobcrypt: functions that check an encryptor of your own, encryptors
//! that fail on purpose, the frozen vectors of the stored format, and throwaway servers.

pub mod conformance;
mod faulty_encryptor;

pub use faulty_encryptor::FaultyEncryptor;
