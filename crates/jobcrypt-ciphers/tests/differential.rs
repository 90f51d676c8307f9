//! Each cipher against a second implementation in Rust, both ways, over random lengths.

use aes_gcm::Aes256Gcm as GcmOracle;
use aes_gcm_siv::Aes256GcmSiv as SivOracle;
use chacha20poly1305::{
    ChaCha20Poly1305 as ChaChaOracle, KeyInit, XChaCha20Poly1305 as XChaChaOracle,
    aead::{Aead, Payload},
};
use jobcrypt_ciphers::{
    Aes256Gcm, Aes256GcmSiv, ChaCha20Poly1305, Fernet, Secretbox, XChaCha20Poly1305,
};
use jobcrypt_core::{Encryptor, SecretKey};
use proptest::{collection::vec, prelude::*};

fn ours(key: &impl Encryptor, associated_data: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    key.encrypt(associated_data, plaintext, &mut body)
        .expect("it encrypts");
    body
}

fn open(key: &impl Encryptor, associated_data: &[u8], body: &[u8]) -> Vec<u8> {
    let mut plaintext = Vec::new();
    key.decrypt(associated_data, body, &mut plaintext)
        .expect("it is whole");
    plaintext
}

/// A nonce for the other side; nothing secret is sealed under it.
fn nonce<const LEN: usize>(seed: &[u8; 24]) -> [u8; LEN] {
    std::array::from_fn(|at| seed[at])
}

fn thousand() -> ProptestConfig {
    ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

macro_rules! agrees_with {
    ($($test:ident: $cipher:ident, $oracle:ident, $nonce_len:literal;)*) => {
        proptest! {
            #![proptest_config(thousand())]
            $(
                #[test]
                fn $test(
                    key in any::<[u8; 32]>(), seed in any::<[u8; 24]>(),
                    aad in vec(any::<u8>(), 0..80), plaintext in vec(any::<u8>(), 0..2000),
                ) {
                    let cipher = $cipher::new(SecretKey::from(key));
                    let oracle = $oracle::new(&key.into());
                    let body = ours(&cipher, &aad, &plaintext);
                    let (theirs, rest) = body.split_at($nonce_len);
                    let payload = Payload { msg: rest, aad: &aad };
                    let theirs: [u8; $nonce_len] = theirs.try_into()?;
                    prop_assert_eq!(&oracle.decrypt(&theirs.into(), payload)?, &plaintext);

                    let nonce: [u8; $nonce_len] = nonce(&seed);
                    let payload = Payload { msg: &plaintext, aad: &aad };
                    let sealed = oracle.encrypt(&nonce.into(), payload)?;
                    prop_assert_eq!(open(&cipher, &aad, &[&nonce[..], &sealed].concat()), plaintext);
                }
            )*
        }
    };
}

agrees_with! {
    aes256gcm: Aes256Gcm, GcmOracle, 12;
    aes256gcmsiv: Aes256GcmSiv, SivOracle, 12;
    chacha20poly1305: ChaCha20Poly1305, ChaChaOracle, 12;
    xchacha20poly1305: XChaCha20Poly1305, XChaChaOracle, 24;
}

proptest! {
    #![proptest_config(thousand())]

    #[test]
    fn secretbox(key in any::<[u8; 32]>(), seed in any::<[u8; 24]>(), plaintext in vec(any::<u8>(), 0..2000)) {
        use crypto_secretbox::{KeyInit, XSalsa20Poly1305, aead::Aead};

        let cipher = Secretbox::new(SecretKey::from(key));
        let oracle = XSalsa20Poly1305::new(&key.into());
        let body = ours(&cipher, &[], &plaintext);
        let opened = oracle.decrypt(body[..24].into(), &body[24..]);
        prop_assert_eq!(opened.ok(), Some(plaintext.clone()));
        let sealed = oracle.encrypt(&seed.into(), &*plaintext).expect("it encrypts");
        prop_assert_eq!(open(&cipher, &[], &[&seed[..], &sealed].concat()), plaintext);
    }

    #[test]
    fn fernet(key in any::<[u8; 32]>(), plaintext in vec(any::<u8>(), 0..2000)) {
        let cipher = Fernet::new(SecretKey::from(key));
        let oracle = fernet::Fernet::new(&base64_simd::URL_SAFE.encode_to_string(key));
        let oracle = oracle.expect("it has 32 bytes");
        let token = base64_simd::URL_SAFE.encode_to_string(ours(&cipher, &[], &plaintext));
        prop_assert_eq!(oracle.decrypt(&token).ok(), Some(plaintext.clone()));
        let token = oracle.encrypt(&plaintext);
        let body = base64_simd::URL_SAFE.decode_to_vec(token)?;
        prop_assert_eq!(open(&cipher, &[], &body), plaintext);
    }
}
