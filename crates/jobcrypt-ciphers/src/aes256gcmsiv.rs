use crate::aws_lc_key::by_aws_lc;

by_aws_lc! {
    /// AES-256-GCM-SIV (RFC 8452) by AWS-LC: like AES-256-GCM, and a repeated nonce reveals no more than
    /// that two args are equal. It binds the context natively. A warning is logged at 2^31 tokens of one
    /// process under one key.
    ///
    /// A body is `nonce (12) || ciphertext || tag (16)`.
    ///
    /// ```
    /// use jobcrypt_ciphers::Aes256GcmSiv;
    /// use jobcrypt_core::{Encryptor, SecretKey};
    ///
    /// let key = Aes256GcmSiv::new(SecretKey::generate()?);
    /// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
    /// key.encrypt(b"context", b"args", &mut body)?;
    /// key.decrypt(b"context", &body, &mut plaintext)?;
    /// assert_eq!(plaintext, b"args");
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    Aes256GcmSiv: AES_256_GCM_SIV
}
