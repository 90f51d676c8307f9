use crate::aws_lc_key::by_aws_lc;

by_aws_lc! {
    /// ChaCha20-Poly1305 (RFC 8439) by AWS-LC, for stores that others read who have no XChaCha20-Poly1305.
    /// It binds the context natively. Its nonce of 12 random bytes is good for 2^32 tokens under one key,
    /// over all nodes; a warning is logged at 2^31 of one process.
    ///
    /// A body is `nonce (12) || ciphertext || tag (16)`.
    ///
    /// ```
    /// use jobcrypt_ciphers::ChaCha20Poly1305;
    /// use jobcrypt_core::{Encryptor, SecretKey};
    ///
    /// let key = ChaCha20Poly1305::new(SecretKey::generate()?);
    /// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
    /// key.encrypt(b"context", b"args", &mut body)?;
    /// key.decrypt(b"context", &body, &mut plaintext)?;
    /// assert_eq!(plaintext, b"args");
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    ChaCha20Poly1305: CHACHA20_POLY1305
}
