//! Project Wycheproof against each cipher that it has vectors for. What a cipher here cannot be asked,
//! since keys are 32 bytes and nonces and tags of one length, is counted, and the counts are pinned.

use jobcrypt_ciphers::{Aes256Gcm, Aes256GcmSiv, ChaCha20Poly1305, XChaCha20Poly1305};
use jobcrypt_core::{Encryptor, SecretKey};
use wycheproof::{
    TestResult,
    aead::{TestName, TestSet},
};

#[derive(Debug, Default, Eq, PartialEq)]
struct Counts {
    opened: usize,
    refused: usize,
    inapplicable: usize,
}

fn run<E: Encryptor>(
    name: TestName,
    nonce_len: usize,
    with_key: impl Fn(SecretKey) -> E,
) -> Counts {
    let set = TestSet::load(name).expect("the vectors are embedded");
    let total = set.number_of_tests;
    let mut counts = Counts::default();
    for group in set.test_groups {
        for test in group.tests {
            if group.key_size != 256 || test.nonce.len() != nonce_len || test.tag.len() != 16 {
                counts.inapplicable += 1;
                continue;
            }
            let key = with_key(SecretKey::from_bytes(&test.key).expect("it has 32 bytes"));
            let body = [&test.nonce[..], &test.ct, &test.tag].concat();
            let mut plaintext = Vec::new();
            let opened = key.decrypt(&test.aad, &body, &mut plaintext);
            let place = format!("{name:?}, case {}: {}", test.tc_id, test.comment);
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "{place}");
                assert!(plaintext.is_empty(), "{place}");
                counts.refused += 1;
            } else {
                opened.unwrap_or_else(|error| panic!("{place}: {error}"));
                assert_eq!(plaintext, *test.pt, "{place}");
                counts.opened += 1;
            }
        }
    }
    println!("{name:?}: {counts:?}");
    assert_eq!(counts.opened + counts.refused + counts.inapplicable, total);
    counts
}

#[test]
fn aes256gcm() {
    let counts = run(TestName::AesGcm, 12, Aes256Gcm::new);
    let expected = Counts {
        opened: 39,
        refused: 27,
        inapplicable: 250,
    };
    assert_eq!(counts, expected);
}

#[cfg(feature = "fips")]
#[test]
fn aes256gcm_inside_the_fips_module() {
    let with_key =
        |key| jobcrypt_ciphers::Aes256GcmFips::new(key).expect("the module is in FIPS mode");
    let counts = run(TestName::AesGcm, 12, with_key);
    let expected = Counts {
        opened: 39,
        refused: 27,
        inapplicable: 250,
    };
    assert_eq!(counts, expected);
}

#[test]
fn aes256gcmsiv() {
    let counts = run(TestName::AesGcmSiv, 12, Aes256GcmSiv::new);
    let expected = Counts {
        opened: 69,
        refused: 34,
        inapplicable: 99,
    };
    assert_eq!(counts, expected);
}

#[test]
fn chacha20poly1305() {
    let counts = run(TestName::ChaCha20Poly1305, 12, ChaCha20Poly1305::new);
    let expected = Counts {
        opened: 256,
        refused: 60,
        inapplicable: 9,
    };
    assert_eq!(counts, expected);
}

#[test]
fn xchacha20poly1305() {
    let counts = run(TestName::XChaCha20Poly1305, 24, XChaCha20Poly1305::new);
    let expected = Counts {
        opened: 246,
        refused: 60,
        inapplicable: 9,
    };
    assert_eq!(counts, expected);
}
