use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use jobcrypt_core::{
    Batch, CipherName, Encryptor, Error, ErrorKind, KeyFingerprint, KeyId, SecretKey,
};
use sha2::Sha256;
use zeroize::Zeroize;

use crate::nonce::{self, DrawnBatch, EncryptWith};

/// Fernet (AES-128-CBC and HMAC-SHA256), composed of RustCrypto's `aes`, `cbc`, `hmac` and `sha2` by
/// the rules of the [Fernet specification](https://github.com/fernet/spec): what Python's
/// cryptography, Keystone and Airflow read and write. It takes no associated data, so the context
/// travels inside the plaintext.
///
/// A body is the bytes of a Fernet token before their base64:
/// `0x80 || seconds since 1970 (8) || IV (16) || ciphertext || HMAC (32)`. The time shows in
/// plaintext. A token has no maximum age unless [`Fernet::max_age`] sets one.
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
    max_age: Option<Duration>,
}

/// How far ahead another node's clock may be, where ages matter; Python's cryptography allows as much.
const CLOCK_SKEW: u64 = 60;
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
            max_age: None,
        }
    }

    /// Refuses tokens that are older than `age`, in whole seconds, or made more than a minute from now.
    ///
    /// Jobs are retried for weeks, so few queues want it. Without it, a token of any time opens, as in
    /// Python's cryptography.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use jobcrypt_ciphers::Fernet;
    /// # use jobcrypt_core::SecretKey;
    /// let key = Fernet::new(SecretKey::generate()?).max_age(Duration::from_secs(30 * 24 * 3600));
    /// # let _ = key;
    /// # Ok::<(), jobcrypt_core::Error>(())
    /// ```
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
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

    fn decrypt_at(&self, now: u64, body: &[u8], plaintext: &mut Vec<u8>) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (signed, tag) = body.split_last_chunk::<HMAC_LEN>().ok_or_else(refused)?;
        // In constant time, and before anything else of the token is believed.
        self.signer()
            .chain_update(signed)
            .verify(tag.into())
            .map_err(|_| refused())?;
        let (header, rest) = signed
            .split_first_chunk::<HEADER_LEN>()
            .ok_or_else(refused)?;
        let (iv, ciphertext) = rest.split_first_chunk::<BLOCK_LEN>().ok_or_else(refused)?;
        let [VERSION, made @ ..] = header else {
            return Err(refused());
        };
        if !self.is_in_time(u64::from_be_bytes(*made), now) {
            return Err(Error::new(
                ErrorKind::AuthenticationFailed,
                "it is older than the key allows, or from the future",
            ));
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

    fn is_in_time(&self, made: u64, now: u64) -> bool {
        self.max_age.is_none_or(|age| {
            made.saturating_add(age.as_secs()) >= now && made <= now.saturating_add(CLOCK_SKEW)
        })
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

impl EncryptWith<BLOCK_LEN> for Fernet {
    fn encrypt_with(
        &self,
        iv: [u8; BLOCK_LEN],
        _associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.encrypt_at(now()?, iv, plaintext, body);
        Ok(())
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
        self.encrypt_at(now()?, nonce::fresh()?, plaintext, body);
        Ok(())
    }

    fn batch(&self, count: usize) -> Result<Box<dyn Batch + '_>, Error> {
        DrawnBatch::draw(self, count)
    }

    fn re_encrypt(
        &self,
        replaced: &[u8],
        _associated_data: &[u8],
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let made = match replaced {
            [VERSION, rest @ ..] => rest.first_chunk().copied().map(u64::from_be_bytes),
            _ => None,
        };
        let made = made.map_or_else(now, Ok)?;
        self.encrypt_at(made, nonce::fresh()?, plaintext, body);
        Ok(())
    }

    fn decrypt(
        &self,
        _associated_data: &[u8],
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), Error> {
        // Without a maximum age, a clock that is wrong must not stop anything.
        let now = if self.max_age.is_some() { now()? } else { 0 };
        self.decrypt_at(now, body, plaintext)
    }
}

/// Seconds since 1970.
fn now() -> Result<u64, Error> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|now| now.as_secs())
        .map_err(|_| Error::new(ErrorKind::EncryptionFailed, "the clock is before 1970"))
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

    /// The specification's own cases, each with its time.
    fn case(case: &serde_json::Value, now: u64) -> (Fernet, Vec<u8>, u64) {
        let text = |name: &str| case[name].as_str().expect("each case has it").to_owned();
        let key = SecretKey::from_base64(&text("secret")).expect("the key is whole");
        let age = case["ttl_sec"].as_u64().expect("each case has it");
        let fernet = Fernet::new(key).max_age(Duration::from_secs(age));
        let body = base64_simd::URL_SAFE.decode_to_vec(text("token"));
        (fernet, body.unwrap_or_default(), now)
    }

    #[test]
    fn reads_the_token_of_the_specification() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/data/fernet-verify.json"))
                .expect("the file is JSON");
        let (fernet, body, now) = case(&cases[0], 499_162_801);
        let mut plaintext = Vec::new();
        fernet
            .decrypt_at(now, &body, &mut plaintext)
            .expect("the specification says so");
        assert_eq!(plaintext, b"hello");
    }

    #[test]
    fn refuses_all_eight_invalid_tokens_of_the_specification() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/data/fernet-invalid.json"))
                .expect("the file is JSON");
        let cases = cases.as_array().expect("the file is a list");
        assert_eq!(cases.len(), 8);
        for invalid in cases {
            let expired = invalid["desc"] == "expired TTL";
            let (fernet, body, now) =
                case(invalid, if expired { 499_162_891 } else { 499_162_801 });
            let mut plaintext = Vec::new();
            let result = fernet.decrypt_at(now, &body, &mut plaintext);
            assert!(result.is_err(), "{}", invalid["desc"]);
            assert!(plaintext.is_empty(), "{}", invalid["desc"]);
        }
    }

    #[test]
    fn another_version_is_refused_also_when_it_is_signed() {
        let fernet = Fernet::new(SecretKey::generate().expect("the system has random bytes"));
        let mut body = Vec::new();
        fernet.encrypt_at(0, [9; 16], b"{}", &mut body);
        body[0] = 0x81;
        let signed = body.len() - HMAC_LEN;
        let tag = fernet.signer().chain_update(&body[..signed]).finalize();
        body[signed..].copy_from_slice(&tag.into_bytes());
        assert!(fernet.decrypt(&[], &body, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_token_keeps_its_time_when_it_moves_and_gets_a_new_iv() {
        let key = || SecretKey::generate().expect("the system has random bytes");
        let (mut old, mut moved) = (Vec::new(), Vec::new());
        Fernet::new(key()).encrypt_at(499_162_800, [9; 16], b"{}", &mut old);
        let new = Fernet::new(key());
        new.re_encrypt(&old, &[], b"{}", &mut moved)
            .expect("it encrypts");
        assert_eq!(moved[..HEADER_LEN], old[..HEADER_LEN]);
        assert_ne!(moved[HEADER_LEN..][..BLOCK_LEN], [9; 16]);
        assert!(new.decrypt(&[], &moved, &mut Vec::new()).is_ok());
    }

    #[test]
    fn an_age_counts_to_the_second_and_only_where_one_is_set() {
        let key = || {
            SecretKey::from(std::array::from_fn(|at| {
                u8::try_from(7 * at).expect("7 times 31 is small")
            }))
        };
        let made = 1_800_000_000;
        let mut body = Vec::new();
        Fernet::new(key()).encrypt_at(made, [9; 16], b"{}", &mut body);
        let opens = |fernet: &Fernet, now| fernet.decrypt_at(now, &body, &mut Vec::new()).is_ok();
        let aged = Fernet::new(key()).max_age(Duration::from_secs(60));
        for (now, expected) in [
            (made, true),
            (made + 60, true),
            (made + 61, false),
            (made - 60, true),
            (made - 61, false),
            (u64::MAX, false),
        ] {
            assert_eq!(opens(&aged, now), expected, "{now}");
            assert!(opens(&Fernet::new(key()), now), "{now}");
        }
    }
}
