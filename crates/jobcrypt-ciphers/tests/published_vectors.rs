//! The examples of the documents that define the ciphers.

use jobcrypt_ciphers::{Aes256Gcm, ChaCha20Poly1305, Secretbox, XChaCha20Poly1305};
use jobcrypt_core::{Encryptor, SecretKey};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex is ASCII");
            u8::from_str_radix(pair, 16).expect("the digits are hex")
        })
        .collect()
}

fn key(hex: &str) -> SecretKey {
    SecretKey::from_bytes(&bytes(hex)).expect("it has 32 bytes")
}

fn opens(key: &impl Encryptor, associated_data: &str, body: &[&str], plaintext: &[u8]) {
    let body = bytes(&body.concat());
    let mut opened = Vec::new();
    key.decrypt(&bytes(associated_data), &body, &mut opened)
        .expect("the document says so");
    assert_eq!(opened, plaintext);
}

const SUNSCREEN: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";

#[test]
fn rfc_8439_section_2_8_2() {
    let key = key("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    opens(
        &ChaCha20Poly1305::new(key),
        "50515253c0c1c2c3c4c5c6c7",
        &[
            "070000004041424344454647",
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
             3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
             92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
             3ff4def08e4b7a9de576d26586cec64b6116",
            "1ae10b594f09e26a7e902ecbd0600691",
        ],
        SUNSCREEN,
    );
}

#[test]
fn draft_irtf_cfrg_xchacha_03_appendix_a_3_1() {
    let key = key("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    opens(
        &XChaCha20Poly1305::new(key),
        "50515253c0c1c2c3c4c5c6c7",
        &[
            "404142434445464748494a4b4c4d4e4f5051525354555657",
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb
             731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452
             2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
             21f9664c97637da9768812f615c68b13b52e",
            "c0875924c1c7987947deafd8780acf49",
        ],
        SUNSCREEN,
    );
}

#[test]
fn nacl_tests_secretbox() {
    let key = key("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
    opens(
        &Secretbox::new(key),
        "",
        &[
            "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37",
            "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce
             48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972
             71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae
             90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3
             7973f622a43d14a6599b1f654cb45a74e355a5",
        ],
        &bytes(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc
             e5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31
             0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde
             048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864
             5e0705",
        ),
    );
}

/// NIST's validation vectors for AES-256-GCM, those with a nonce and a tag of the lengths used here.
#[test]
fn nist_gcm_decrypt_256() {
    let file = include_str!("data/gcmDecrypt256.rsp");
    let (mut opened, mut refused) = (0, 0);
    for case in file.split("Count = ").skip(1) {
        let field = |name: &str| {
            case.lines()
                .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))
                .map(bytes)
        };
        let part = |name| field(name).expect("each case has it");
        let key = Aes256Gcm::new(SecretKey::from_bytes(&part("Key")).expect("it has 32 bytes"));
        let body = [part("IV"), part("CT"), part("Tag")].concat();
        let mut plaintext = Vec::new();
        let result = key.decrypt(&part("AAD"), &body, &mut plaintext);
        if case.contains("FAIL") {
            assert!(result.is_err(), "case {case}");
            refused += 1;
        } else {
            result.unwrap_or_else(|error| panic!("{error}: case {case}"));
            assert_eq!(plaintext, part("PT"), "case {case}");
            opened += 1;
        }
    }
    assert_eq!((opened, refused), (184, 191));
}
