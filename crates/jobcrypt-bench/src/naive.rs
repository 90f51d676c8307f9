use std::{hint::black_box, io, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use crypto_secretbox::XSalsa20Poly1305;
use serde_json::{Value, json};

use crate::{
    candidate::{Candidate, Name, Who},
    task::{Operation, Task, args_of},
    timing::nanoseconds,
};

const IT_WORKED: &str = "it worked before the measurement";

/// The best known crates, put together without a thought for speed: `Vec`, `String`, `Value`. No
/// context is bound, no key has a name.
pub(crate) struct Naive {
    cipher: &'static str,
    new: fn() -> io::Result<Box<dyn Bytes>>,
}

pub(crate) const NAIVE: [Naive; 3] = [
    Naive {
        cipher: "xchacha20poly1305",
        new: || {
            use chacha20poly1305::KeyInit;
            let key = random::<32>()?;
            Ok(Box::new(chacha20poly1305::XChaCha20Poly1305::new(
                &key.into(),
            )))
        },
    },
    Naive {
        cipher: "secretbox",
        new: || {
            use crypto_secretbox::KeyInit;
            let key = random::<32>()?;
            Ok(Box::new(XSalsa20Poly1305::new(&key.into())))
        },
    },
    Naive {
        cipher: "fernet",
        new: || {
            let key = fernet::Fernet::generate_key();
            let fernet = fernet::Fernet::new(&key);
            Ok(Box::new(fernet.ok_or_else(refused)?))
        },
    },
];

impl Naive {
    pub(crate) fn candidate(&self) -> io::Result<NaiveCandidate> {
        Ok(NaiveCandidate {
            cipher: self.cipher,
            bytes: (self.new)()?,
        })
    }
}

pub(crate) struct NaiveCandidate {
    cipher: &'static str,
    bytes: Box<dyn Bytes>,
}

impl Candidate for NaiveCandidate {
    fn names(&self) -> Vec<Name> {
        vec![Name::new(Who::Naive, self.cipher)]
    }

    fn does(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Seal | Operation::Open)
    }

    fn measure(&mut self, _: Name, task: Task, duration: Duration) -> io::Result<f64> {
        let args = args_of(task.size);
        let sealed = self.seal(&args)?;
        assert_eq!(self.open(&sealed)?, args, "the args come back");
        Ok(if task.operation == Operation::Seal {
            nanoseconds(duration, || self.seal(black_box(&args)).expect(IT_WORKED))
        } else {
            nanoseconds(duration, || self.open(black_box(&sealed)).expect(IT_WORKED))
        })
    }
}

impl NaiveCandidate {
    fn seal(&self, args: &[u8]) -> io::Result<Vec<u8>> {
        let text = self.bytes.encrypt(args)?;
        Ok(serde_json::to_vec(&json!({ "river_encrypt": text }))?)
    }

    fn open(&self, stored: &[u8]) -> io::Result<Vec<u8>> {
        let stored: Value = serde_json::from_slice(stored)?;
        self.bytes
            .decrypt(stored["river_encrypt"].as_str().ok_or_else(refused)?)
    }
}

/// Bytes to the text of an envelope and back.
trait Bytes {
    fn encrypt(&self, args: &[u8]) -> io::Result<String>;
    fn decrypt(&self, text: &str) -> io::Result<Vec<u8>>;
}

impl Bytes for chacha20poly1305::XChaCha20Poly1305 {
    fn encrypt(&self, args: &[u8]) -> io::Result<String> {
        use chacha20poly1305::aead::Aead;
        let nonce = random::<24>()?;
        let ciphertext = Aead::encrypt(self, &nonce.into(), args).map_err(|_| refused())?;
        Ok(BASE64_STANDARD.encode([nonce.as_slice(), &ciphertext].concat()))
    }

    fn decrypt(&self, text: &str) -> io::Result<Vec<u8>> {
        use chacha20poly1305::aead::Aead;
        let body = BASE64_STANDARD.decode(text).map_err(|_| refused())?;
        let (nonce, ciphertext) = body.split_first_chunk::<24>().ok_or_else(refused)?;
        Aead::decrypt(self, nonce.into(), ciphertext).map_err(|_| refused())
    }
}

impl Bytes for XSalsa20Poly1305 {
    fn encrypt(&self, args: &[u8]) -> io::Result<String> {
        let nonce = random::<24>()?;
        let ciphertext = crypto_secretbox::aead::Aead::encrypt(self, &nonce.into(), args)
            .map_err(|_| refused())?;
        Ok(BASE64_STANDARD.encode([nonce.as_slice(), &ciphertext].concat()))
    }

    fn decrypt(&self, text: &str) -> io::Result<Vec<u8>> {
        let body = BASE64_STANDARD.decode(text).map_err(|_| refused())?;
        let (nonce, ciphertext) = body.split_first_chunk::<24>().ok_or_else(refused)?;
        crypto_secretbox::aead::Aead::decrypt(self, nonce.into(), ciphertext).map_err(|_| refused())
    }
}

impl Bytes for fernet::Fernet {
    fn encrypt(&self, args: &[u8]) -> io::Result<String> {
        Ok(fernet::Fernet::encrypt(self, args))
    }

    fn decrypt(&self, text: &str) -> io::Result<Vec<u8>> {
        fernet::Fernet::decrypt(self, text).map_err(|_| refused())
    }
}

fn random<const LEN: usize>() -> io::Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(bytes)
}

fn refused() -> io::Error {
    io::Error::other("the envelope is refused")
}
