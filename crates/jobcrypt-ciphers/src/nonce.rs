use jobcrypt_core::{Error, ErrorKind};

/// Draws a nonce with one call to the operating system. No generator state lives in this process,
/// so neither a fork nor a cloned machine repeats a nonce.
pub(crate) fn fresh<const LEN: usize>() -> Result<[u8; LEN], Error> {
    let mut nonce = [0; LEN];
    getrandom::fill(&mut nonce).map_err(|_| {
        Error::new(
            ErrorKind::EncryptionFailed,
            "the operating system gave no random bytes",
        )
    })?;
    Ok(nonce)
}
