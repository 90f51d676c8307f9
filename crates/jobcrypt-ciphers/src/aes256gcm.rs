use crate::aws_lc_key::by_aws_lc;

by_aws_lc! {
    /// AES-256-GCM (NIST SP 800-38D) by AWS-LC: the fastest where the processor has AES instructions, and
    /// what compliance asks for. It binds the context natively. Its nonce of 12 random bytes is good for
    /// 2^32 tokens under one key, over all nodes; a warning is logged at 2^31 of one process.
    ///
    /// A body is `nonce (12) || ciphertext || tag (16)`.
    ///
    /// ```
    /// use jobcrypt_ciphers::Aes256Gcm;
    /// use jobcrypt_core::{Encryptor, SecretKey};
    ///
    /// let key = Aes256Gcm::new(SecretKey::generate()?);
    /// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
    /// key.encrypt(b"context", b"args", &mut body)?;
    /// key.decrypt(b"context", &body, &mut plaintext)?;
    /// assert_eq!(plaintext, b"args");
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    Aes256Gcm: AES_256_GCM
}
