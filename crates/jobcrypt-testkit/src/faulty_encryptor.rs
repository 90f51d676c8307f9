use std::sync::atomic::{AtomicUsize, Ordering};

use jobcrypt_core::{Batch, CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId};

/// An encryptor that encrypts a number of times and then fails, to see that nothing is stored then.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{Encryptor, SecretKey};
/// use jobcrypt_testkit::FaultyEncryptor;
///
/// let key = FaultyEncryptor::after(1, XChaCha20Poly1305::new(SecretKey::generate()?));
/// assert!(key.encrypt(&[], b"first", &mut Vec::new()).is_ok());
/// assert!(key.encrypt(&[], b"second", &mut Vec::new()).is_err());
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
pub struct FaultyEncryptor<E> {
    inner: E,
    left: AtomicUsize,
}

impl<E: Encryptor> FaultyEncryptor<E> {
    /// Fails each encryption after the first `successes`.
    pub fn after(successes: usize, inner: E) -> Self {
        Self {
            inner,
            left: AtomicUsize::new(successes),
        }
    }

    fn use_up(&self) -> Result<(), Error> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .map(drop)
            .map_err(|_| Error::new(ErrorKind::EncryptionFailed, "a fault made for a test"))
    }
}

// So that a method which the trait gains is not forgotten here.
#[deny(clippy::missing_trait_methods)]
impl<E: Encryptor> Encryptor for FaultyEncryptor<E> {
    fn cipher(&self) -> CipherName {
        self.inner.cipher()
    }

    fn key_id(&self) -> KeyId {
        self.inner.key_id()
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        self.inner.fingerprint()
    }

    fn binds_associated_data(&self) -> bool {
        self.inner.binds_associated_data()
    }

    fn encrypt(
        &self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.use_up()?;
        self.inner.encrypt(associated_data, plaintext, body)
    }

    fn batch(&self, count: usize) -> Result<Box<dyn Batch + '_>, Error> {
        Ok(Box::new(FaultyBatch {
            encryptor: self,
            inner: self.inner.batch(count)?,
        }))
    }

    fn re_encrypt(
        &self,
        replaced: &[u8],
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.use_up()?;
        self.inner
            .re_encrypt(replaced, associated_data, plaintext, body)
    }

    fn decrypt(
        &self,
        associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.inner.decrypt(associated_data, body, plaintext)
    }
}

/// Fails in the middle, as its encryptor does.
struct FaultyBatch<'a, E> {
    encryptor: &'a FaultyEncryptor<E>,
    inner: Box<dyn Batch + 'a>,
}

impl<E: Encryptor> Batch for FaultyBatch<'_, E> {
    fn encrypt(
        &mut self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.encryptor.use_up()?;
        self.inner.encrypt(associated_data, plaintext, body)
    }
}
