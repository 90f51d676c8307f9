//! AES-256-GCM inside a FIPS module: the same tokens, its own nonces.

use std::collections::HashSet;

use jobcrypt_ciphers::{Aes256Gcm, Aes256GcmFips, FipsModule};
use jobcrypt_core::{Encryptor, SecretKey};

fn key() -> SecretKey {
    SecretKey::generate().expect("the system has random bytes")
}

#[test]
fn the_module_says_which_it_is_and_promises_nothing() {
    let module = FipsModule::find().expect("this build has the module");
    let text = module.to_string();
    println!("{text}");
    assert!(text.starts_with("AWS-LC "), "{text}");
    assert!(module.version().contains('.'), "{text}");
    assert!(module.branch().is_some_and(|branch| branch >= 3), "{text}");
    assert!(!text.to_lowercase().contains("validated"));
}

#[test]
fn it_reads_and_writes_what_the_other_implementation_does() {
    for length in [0, 1, 15, 16, 17, 300, 70_000] {
        let bytes = *key().expose();
        let inside = Aes256GcmFips::new(bytes.into()).expect("the module is in FIPS mode");
        let outside = aes_gcm_of(bytes);
        assert_eq!(inside.key_id(), Aes256Gcm::new(bytes.into()).key_id());
        let args = vec![b'a'; length];
        let (mut body, mut plaintext) = (Vec::new(), Vec::new());
        inside
            .encrypt(b"context", &args, &mut body)
            .expect("it encrypts");
        assert_eq!(outside.decrypt(&body), Some(args.clone()));
        let body = outside.encrypt(&args);
        inside
            .decrypt(b"context", &body, &mut plaintext)
            .expect("it decrypts");
        assert_eq!(plaintext, args);
    }
}

#[test]
fn the_module_draws_a_new_nonce_each_time() {
    let inside = Aes256GcmFips::new(key()).expect("the module is in FIPS mode");
    let mut nonces = HashSet::new();
    for _ in 0..10_000 {
        let mut body = Vec::new();
        inside.encrypt(&[], b"{}", &mut body).expect("it encrypts");
        assert!(nonces.insert(body[..12].to_vec()), "a nonce came twice");
    }
}

/// RustCrypto's AES-256-GCM, with a context that is always the same.
struct Outside(aes_gcm::Aes256Gcm);

fn aes_gcm_of(key: [u8; 32]) -> Outside {
    use aes_gcm::KeyInit;
    Outside(aes_gcm::Aes256Gcm::new(&key.into()))
}

impl Outside {
    fn encrypt(&self, plaintext: &[u8]) -> Vec<u8> {
        use aes_gcm::aead::{Aead, Payload};
        let nonce = [7; 12];
        let payload = Payload {
            msg: plaintext,
            aad: b"context",
        };
        let sealed = self.0.encrypt(&nonce.into(), payload).expect("it encrypts");
        [&nonce[..], &sealed].concat()
    }

    fn decrypt(&self, body: &[u8]) -> Option<Vec<u8>> {
        use aes_gcm::aead::{Aead, Payload};
        let (nonce, sealed) = body.split_first_chunk::<12>()?;
        let payload = Payload {
            msg: sealed,
            aad: b"context",
        };
        self.0.decrypt(&(*nonce).into(), payload).ok()
    }
}
