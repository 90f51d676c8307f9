use std::time::{SystemTime, UNIX_EPOCH};

use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use jobcrypt_core::{CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey};
use sha2::Sha256;
use zeroize::Zeroize;

use crate::nonce;

/// Fernet (AES-128-CBC and HMAC-SHA256), composed of RustCrypto's `aes`, `cbc`, `hmac` and `sha2` by
/// the rules of the [Fernet specification](https://github.com/fernet/spec): what Python's
/// cryptography, Keystone and Airflow read and write. It takes no associated data, so the context
/// travels inside the plaintext.
///
/// A body is the bytes of a Fernet token before their base64:
/// `0x80 || seconds since 1970 (8) || IV (16) || ciphertext || HMAC (32)`. The time shows in
/// plaintext. A token has no maximum age.
///
/// ```
/// use jobcrypt_ciphers::Fernet;
/// use jobcrypt_core::{Encryptor, SecretKey};
///
/// let key = Fernet::new(SecretKey::generate()?);
/// let (mut body, mut plaintext) = (Vec::new(), Vec::new());
/// key.encrypt(&[], b"args", &mut body)?;
/// key.decrypt(&[], &body, &mut plaintext)?;
/// assert_eq!(plaintext, b"args");
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Fernet {
    key: SecretKey,
    key_id: KeyId,
}

const VERSION: u8 = 0x80;
const BLOCK_LEN: usize = 16;
const HMAC_LEN: usize = 32;
/// Version and time.
const HEADER_LEN: usize = 9;

impl Fernet {
    /// Takes a key; its first half signs, its second half encrypts.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        Self {
            key_id: key.id(CipherName::FERNET),
            key,
        }
    }

    fn encrypt_at(&self, seconds: u64, iv: [u8; BLOCK_LEN], plaintext: &[u8], body: &mut Vec<u8>) {
        let start = body.len();
        let ciphertext_len = (plaintext.len() / BLOCK_LEN + 1) * BLOCK_LEN;
        body.reserve(HEADER_LEN + BLOCK_LEN + ciphertext_len + HMAC_LEN);
        body.push(VERSION);
        body.extend_from_slice(&seconds.to_be_bytes());
        body.extend_from_slice(&iv);
        let ciphertext_at = body.len();
        body.resize(ciphertext_at + ciphertext_len, 0);
        let (_, encryption_key) = self.halves();
        cbc::Encryptor::<Aes128>::new(encryption_key.into(), &iv.into())
            .encrypt_padded_b2b::<Pkcs7>(plaintext, &mut body[ciphertext_at..])
            .expect("the buffer was made long enough for the padding");
        let tag = self.signer().chain_update(&body[start..]).finalize();
        body.extend_from_slice(&tag.into_bytes());
    }

    fn signer(&self) -> Hmac<Sha256> {
        let (signing_key, _) = self.halves();
        Hmac::new_from_slice(signing_key).expect("HMAC takes keys of any length")
    }

    fn halves(&self) -> (&[u8; BLOCK_LEN], &[u8; BLOCK_LEN]) {
        let (signing_key, encryption_key) = self
            .key
            .expose()
            .split_first_chunk()
            .expect("a key has 32 bytes");
        let encryption_key = encryption_key.try_into().expect("the other half has 16");
        (signing_key, encryption_key)
    }
}

impl Encryptor for Fernet {
    fn cipher(&self) -> CipherName {
        CipherName::FERNET
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        Some(self.key.fingerprint())
    }

    fn encrypt(
        &self,
        _associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|_| Error::new(ErrorKind::EncryptionFailed, "the clock is before 1970"))?;
        self.encrypt_at(now.as_secs(), nonce::fresh()?, plaintext, body);
        Ok(())
    }

    fn decrypt(
        &self,
        _associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (signed, tag) = body.split_last_chunk::<HMAC_LEN>().ok_or_else(refused)?;
        // In constant time, and before anything else of the token is believed.
        self.signer()
            .chain_update(signed)
            .verify(tag.into())
            .map_err(|_| refused())?;
        let (header, rest) = signed.split_at_checked(HEADER_LEN).ok_or_else(refused)?;
        let (iv, ciphertext) = rest.split_first_chunk::<BLOCK_LEN>().ok_or_else(refused)?;
        if header[0] != VERSION {
            return Err(refused());
        }
        let start = plaintext.len();
        plaintext.resize(start + ciphertext.len(), 0);
        let (_, encryption_key) = self.halves();
        let unpadded = cbc::Decryptor::<Aes128>::new(encryption_key.into(), iv.into())
            .decrypt_padded_b2b::<Pkcs7>(ciphertext, &mut plaintext[start..])
            .map(<[u8]>::len);
        // A signed token with bad padding is the work of a key that shares the signing half.
        let len = unpadded.map_err(|_| {
            plaintext[start..].zeroize();
            plaintext.truncate(start);
            refused()
        })?;
        plaintext[start + len..].zeroize();
        plaintext.truncate(start + len);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `generate.json` of the Fernet specification.
    #[test]
    fn writes_the_token_of_the_specification() {
        let key = SecretKey::from_base64("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
        let fernet = Fernet::new(key.expect("the specification prints a whole key"));
        let mut body = Vec::new();
        fernet.encrypt_at(
            499_162_800,
            std::array::from_fn(|at| u8::try_from(at).expect("16 bytes count from 0 to 15")),
            b"hello",
            &mut body,
        );
        let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert_eq!(base64_simd::URL_SAFE.encode_to_string(&body), token);
        let mut plaintext = Vec::new();
        fernet
            .decrypt(&[], &body, &mut plaintext)
            .expect("the token is whole");
        assert_eq!(plaintext, b"hello");
    }
}
