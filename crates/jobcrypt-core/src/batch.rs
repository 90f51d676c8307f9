use crate::{Encryptor, Error};

/// Many encryptions in a row under one key, begun by [`Encryptor::batch`]: the place for what they can
/// share, such as the one call that draws all their nonces.
///
/// It lives only as long as the call that seals the batch.
pub trait Batch {
    /// Does what [`Encryptor::encrypt`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Encryptor::encrypt`].
    fn encrypt(
        &mut self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error>;
}

/// The batch of an encryptor that has nothing to share.
pub(crate) struct OneByOne<'a, E: ?Sized>(pub(crate) &'a E);

impl<E: Encryptor + ?Sized> Batch for OneByOne<'_, E> {
    fn encrypt(
        &mut self,
        associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.0.encrypt(associated_data, plaintext, body)
    }
}
