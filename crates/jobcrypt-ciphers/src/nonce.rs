use jobcrypt_core::{Batch, Error, ErrorKind};

/// Draws a nonce with one call to the operating system. No generator state lives in this process,
/// so neither a fork nor a cloned machine repeats a nonce.
pub(crate) fn fresh<const LEN: usize>() -> Result<[u8; LEN], Error> {
    let mut nonce = [0; LEN];
    fill(&mut nonce)?;
    Ok(nonce)
}

/// What a batch needs of a cipher that has a nonce of `LEN` random bytes.
pub(crate) trait EncryptWith<const LEN: usize> {
    /// Told before so many nonces are drawn.
    fn count(&self, _nonces: usize) {}

    /// Draws one nonce.
    fn draw(&self) -> Result<[u8; LEN], Error> {
        self.count(1);
        fresh()
    }

    /// Like `Encryptor::encrypt`, with a nonce that nobody else has.
    fn encrypt_with(
        &self,
        nonce: [u8; LEN],
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error>;
}

/// As many as anyone enqueues at once; whoever announces more must not make us allocate for them.
const MOST_DRAWN: usize = 1 << 16;

/// A batch whose nonces were drawn in one call to the operating system. They are gone with it.
pub(crate) struct DrawnBatch<'a, E, const LEN: usize> {
    encryptor: &'a E,
    nonces: std::vec::IntoIter<[u8; LEN]>,
}

impl<'a, E: EncryptWith<LEN>, const LEN: usize> DrawnBatch<'a, E, LEN> {
    pub(crate) fn draw(encryptor: &'a E, count: usize) -> Result<Box<dyn Batch + 'a>, Error> {
        // Those of a longer batch are drawn one by one when these are used up.
        let count = count.min(MOST_DRAWN);
        encryptor.count(count);
        let mut nonces = vec![[0; LEN]; count];
        fill(nonces.as_flattened_mut())?;
        let nonces = nonces.into_iter();
        Ok(Box::new(Self { encryptor, nonces }))
    }
}

impl<E: EncryptWith<LEN>, const LEN: usize> Batch for DrawnBatch<'_, E, LEN> {
    fn encrypt(
        &mut self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let nonce = self
            .nonces
            .next()
            .map_or_else(|| self.encryptor.draw(), Ok)?;
        self.encryptor
            .encrypt_with(nonce, associated_data, plaintext, body)
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|_| {
        Error::new(
            ErrorKind::EncryptionFailed,
            "the operating system gave no random bytes",
        )
    })
}
