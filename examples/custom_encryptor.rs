//! A cipher of your own in a keyring, beside those of jobcrypt: `cargo run --example custom_encryptor`.
//!
//! `docs/writing-an-encryptor.md` explains it.

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use jobcrypt::{
    CipherName, EncryptHook, Encryptor, Error, ErrorKind, JobContext, KeyFingerprint, KeyId,
    Keyring, SecretKey, ciphers::Fernet,
};
use zeroize::Zeroizing;

/// ChaCha20-Poly1305 as RFC 8439 has it, with a random nonce of 12 bytes.
struct MyCipher(SecretKey);

const MY_CIPHER: CipherName = CipherName::new("x-chacha20poly1305");

impl Encryptor for MyCipher {
    fn cipher(&self) -> CipherName {
        MY_CIPHER
    }

    fn key_id(&self) -> KeyId {
        self.0.id(MY_CIPHER)
    }

    fn fingerprint(&self) -> Option<KeyFingerprint> {
        Some(self.0.fingerprint())
    }

    fn encrypt(&self, _: &[u8], plaintext: &[u8], body: &mut Vec<u8>) -> Result<(), Error> {
        let failed = |why| Error::new(ErrorKind::EncryptionFailed, why);
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|_| failed("no random bytes"))?;
        let cipher = ChaCha20Poly1305::new(self.0.expose().into());
        let ciphertext = cipher.encrypt(&nonce.into(), plaintext);
        body.extend_from_slice(&nonce);
        body.extend_from_slice(&ciphertext.map_err(|_| failed("the args are too long"))?);
        Ok(())
    }

    fn decrypt(&self, _: &[u8], body: &[u8], plaintext: &mut Vec<u8>) -> Result<(), Error> {
        let refused = || Error::new(ErrorKind::AuthenticationFailed, "");
        let (nonce, ciphertext) = body.split_first_chunk::<12>().ok_or_else(refused)?;
        let cipher = ChaCha20Poly1305::new(self.0.expose().into());
        let decrypted = cipher
            .decrypt(nonce.into(), ciphertext)
            .map_err(|_| refused())?;
        plaintext.extend_from_slice(&Zeroizing::new(decrypted));
        Ok(())
    }
}

fn main() -> Result<(), Error> {
    let keyring = Keyring::new(MyCipher(SecretKey::generate()?))
        .and(Fernet::new(SecretKey::generate()?))
        .build()?;
    let hook = EncryptHook::builder(keyring).namespace("prod").build()?;

    let mut args = br#"{"iban":"DE89370400440532013000"}"#.to_vec();
    hook.seal(&JobContext::new("send_invoice"), &mut args)?;
    println!("stored: {}", String::from_utf8_lossy(&args));

    // The cipher ignores associated data, and the token is bound to its kind all the same.
    let error = hook.open(&JobContext::new("send_letter"), &mut args.clone());
    println!("as another kind: {}", error.expect_err("it is foreign"));

    hook.open(&JobContext::new("send_invoice"), &mut args)?;
    println!("worked: {}", String::from_utf8_lossy(&args));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_contract() {
        jobcrypt_testkit::conformance::encryptor(|| {
            MyCipher(SecretKey::generate().expect("the system has random bytes"))
        });
    }
}
