//! AES-GCM does not commit to its key: whoever knows two can make one ciphertext that opens under both
//! (Len, Grubbs and Ristenpart, "Partitioning Oracle Attacks", 2021). A token names its key, and opens
//! under that one only.

use aes_gcm::aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use jobcrypt_ciphers::Aes256Gcm;
use jobcrypt_core::{
    CipherName, EncryptHook, Encryptor, ErrorKind, JobContext, KeyId, Keyring, SecretKey,
};

const KEYS: [[u8; 32]; 2] = [
    *b"\x93the first key of an attacker...",
    *b"\xa7and the second that he also has",
];
const NONCE: [u8; 12] = [5; 12];

fn block(key: &[u8; 32], input: [u8; 16]) -> u128 {
    let mut block = input.into();
    Aes256::new(key.into()).encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

/// Multiplication in the field of GCM, SP 800-38D, section 6.3.
fn times(x: u128, y: u128) -> u128 {
    let (mut product, mut v) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= v;
        }
        let carry = v & 1;
        v >>= 1;
        if carry == 1 {
            v ^= 0xe1 << 120;
        }
    }
    product
}

fn power(base: u128, exponent: usize) -> u128 {
    let one = 1 << 127;
    (0..exponent).fold(one, |power, _| times(power, base))
}

/// By Fermat: the field has 2^128 elements, so x^(2^128 - 2) is the inverse of x.
fn inverse(x: u128) -> u128 {
    let (mut square, mut product) = (x, 1 << 127);
    for _ in 1..128 {
        square = times(square, square);
        product = times(product, square);
    }
    product
}

fn blocks(bytes: &[u8]) -> Vec<u128> {
    bytes
        .chunks(16)
        .map(|chunk| {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            u128::from_be_bytes(block)
        })
        .collect()
}

/// A body of two blocks that opens under both keys with this associated data.
fn body_for_both(associated_data: &[u8]) -> Vec<u8> {
    let bits = |bytes: usize| (bytes as u128) * 8;
    let mut input = blocks(associated_data);
    let free = input.len() + 1;
    // The first block of the ciphertext is anything, the second is solved for.
    input.extend([u128::from_be_bytes([0x42; 16]), 0]);
    input.push(bits(associated_data.len()) << 64 | bits(32));
    let exponent = |at: usize| input.len() - at;

    let mut counter = [0; 16];
    counter[..12].copy_from_slice(&NONCE);
    counter[15] = 1;
    let hash_key = KEYS.map(|key| block(&key, [0; 16]));
    let mask = KEYS.map(|key| block(&key, counter));
    let tag = |key: usize, input: &[u128]| {
        input
            .iter()
            .enumerate()
            .fold(mask[key], |sum, (at, block)| {
                sum ^ times(*block, power(hash_key[key], exponent(at)))
            })
    };
    let difference = tag(0, &input) ^ tag(1, &input);
    let factor = power(hash_key[0], exponent(free)) ^ power(hash_key[1], exponent(free));
    let mut solved = input.clone();
    solved[free] = times(difference, inverse(factor));
    assert_eq!(tag(0, &solved), tag(1, &solved));
    [
        &NONCE[..],
        &solved[free - 1].to_be_bytes(),
        &solved[free].to_be_bytes(),
        &tag(0, &solved).to_be_bytes(),
    ]
    .concat()
}

#[test]
fn a_ciphertext_made_for_two_keys_opens_only_under_the_one_that_the_token_names() {
    // The context of args of this kind without a namespace, as docs/format.md has it.
    let context = b"\0\x03jc1\0\x04args\0\x0bcharge_card\0\0\0\0";
    let body = body_for_both(context);
    let under = KEYS.map(|key| {
        let mut plaintext = Vec::new();
        Aes256Gcm::new(key.into())
            .decrypt(context, &body, &mut plaintext)
            .expect("the body was made for this key too");
        plaintext
    });
    assert_ne!(under[0], under[1], "the attack works on the bare cipher");

    let ids = KEYS.map(|key| KeyId::derive(CipherName::AES_256_GCM, &key));
    let token = format!(
        "jc1.aes256gcm.{}.{}",
        ids[0],
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(&body)
    );
    let stored = format!("{{\"river_encrypt\":\"{token}\"}}");
    let job = JobContext::new("charge_card");
    let hook = |first: usize, second: Option<usize>| {
        let key = |at: usize| Aes256Gcm::new(SecretKey::from(KEYS[at]));
        let keyring = Keyring::new(key(first));
        let keyring = match second {
            Some(second) => keyring.and(key(second)),
            None => keyring,
        };
        let keyring = keyring.build().expect("the keys are sound");
        EncryptHook::builder(keyring).build().expect("it is sound")
    };
    for both in [hook(0, Some(1)), hook(1, Some(0))] {
        let opened = both
            .open_bytes(&job, stored.as_bytes())
            .expect("it names a key");
        assert_eq!(
            opened.as_deref(),
            Some(&*under[0]),
            "whatever the order of the keys"
        );
    }
    let error = hook(1, None)
        .open_bytes(&job, stored.as_bytes())
        .expect_err("the other key is not tried");
    assert_eq!(error.kind(), ErrorKind::NoMatchingKey);
}
