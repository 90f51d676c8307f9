use std::sync::Arc;

use crate::{Batch, CipherName, Error, KeyFingerprint, KeyId, batch::OneByOne};

/// One key of one cipher.
///
/// Implement it to use a cipher or a key service of your own; a [`Keyring`](crate::Keyring) takes
/// any mix of them. Rotation, key lookup, the token and the context are the keyring's and the
/// hook's work: an encryptor turns bytes into bytes. `docs/writing-an-encryptor.md` walks through
/// one of 20 lines.
#[diagnostic::on_unimplemented(
    note = "a keyring holds encryptors: one of jobcrypt-ciphers, or your own type that implements `Encryptor`"
)]
pub trait Encryptor: Send + Sync + 'static {
    /// Returns the name of the algorithm, which stands in each token. Names of ciphers that are not
    /// jobcrypt's own begin with `x-`.
    fn cipher(&self) -> CipherName;

    /// Returns the id of the key, which stands in each token: [`KeyId::derive`] of the cipher and
    /// the key, unless the key is remote.
    fn key_id(&self) -> KeyId;

    /// Returns what a keyring compares to refuse weak keys and one secret in two places.
    ///
    /// `None`, the default, for keys whose bytes are out of reach: such a key is not checked.
    fn fingerprint(&self) -> Option<KeyFingerprint> {
        None
    }

    /// Whether [`encrypt`](Self::encrypt) authenticates its `associated_data`.
    ///
    /// `false`, the default, is safe for every cipher: the hook then carries the context inside the
    /// plaintext. Answer `true` only for a cipher that takes associated data; the conformance
    /// functions of jobcrypt-testkit find out.
    fn binds_associated_data(&self) -> bool {
        false
    }

    /// Appends what is to be stored (nonce, ciphertext, tag, as the cipher has them) to `body`.
    ///
    /// The nonce is the encryptor's own: fresh from the operating system, for every call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EncryptionFailed`](crate::ErrorKind::EncryptionFailed) when the cipher, the key
    /// service or the random number generator fails. Nothing is enqueued then, and what was appended is wiped.
    fn encrypt(
        &self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error>;

    /// Begins `count` encryptions in a row.
    ///
    /// The default calls [`encrypt`](Self::encrypt) for each. The ciphers of jobcrypt draw all nonces in
    /// one call to the operating system; an encryptor whose key is remote may ask for it once.
    ///
    /// # Errors
    ///
    /// Those of [`encrypt`](Self::encrypt), where what the batch shares cannot be had.
    fn batch(&self, count: usize) -> Result<Box<dyn Batch + '_>, Error> {
        let _ = count;
        Ok(Box::new(OneByOne(self)))
    }

    /// Encrypts what `replaced`, a body of another key of the same cipher, held until now.
    ///
    /// The default is [`encrypt`](Self::encrypt). Fernet keeps the time that stands in `replaced`, so that
    /// a job does not grow younger when it moves to a new key.
    ///
    /// # Errors
    ///
    /// Those of [`encrypt`](Self::encrypt).
    fn re_encrypt(
        &self,
        replaced: &[u8],
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let _ = replaced;
        self.encrypt(associated_data, plaintext, body)
    }

    /// Appends the plaintext of a `body` that [`encrypt`](Self::encrypt) wrote; on an error appends
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AuthenticationFailed`](crate::ErrorKind::AuthenticationFailed) for every body,
    /// however short or foreign, that this key did not write with this `associated_data`.
    /// [`Error::key_source_unavailable`] when a remote key cannot be asked: the job then waits.
    fn decrypt(
        &self,
        associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error>;
}

// A default method that is forgotten here would silently change what a wrapped encryptor does.
#[deny(clippy::missing_trait_methods)]
impl<E: Encryptor + ?Sized> Encryptor for Arc<E> {
    fn cipher(&self) -> CipherName {
        (**self).cipher()
    }

    fn key_id(&self) -> KeyId {
        (**self).key_id()
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        (**self).fingerprint()
    }

    fn binds_associated_data(&self) -> bool {
        (**self).binds_associated_data()
    }

    fn encrypt(
        &self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        (**self).encrypt(associated_data, plaintext, body)
    }

    fn batch(&self, count: usize) -> Result<Box<dyn Batch + '_>, Error> {
        (**self).batch(count)
    }

    fn re_encrypt(
        &self,
        replaced: &[u8],
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        (**self).re_encrypt(replaced, associated_data, plaintext, body)
    }

    fn decrypt(
        &self,
        associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        (**self).decrypt(associated_data, body, plaintext)
    }
}
