use std::fmt;

use sha2::{Digest, Sha256};

/// What a keyring knows of the bytes of a key: digests to compare, and whether it is weak.
///
/// It lives in memory only and shows nothing in `Debug`.
///
/// ```
/// use jobcrypt_core::KeyFingerprint;
///
/// assert_eq!(format!("{:?}", KeyFingerprint::of(&[0; 32])), "KeyFingerprint(..)");
/// ```
#[derive(Clone, Copy)]
pub struct KeyFingerprint {
    whole: [u8; 32],
    halves: [[u8; 32]; 2],
    weakness: Option<&'static str>,
}

/// Keys that stand in public documentation. As bytes, since text of a key would have to be wiped.
const PUBLIC_SAMPLES: [[u8; 32]; 4] = [
    // River's manual: the example key
    *b"\x89\x19\xb0\x4e\xe5\x46\x97\x60\x40\xc1\x35\x0f\x45\x32\x5b\x3f\xf8\x80\xd8\x42\xa9\x4e\xbc\xd7\xa4\x47\x0d\x21\x71\xb6\x04\x8d",
    // River's manual: the old key
    *b"\x7d\xd9\xd0\xef\xeb\xff\xe4\xf6\xf6\xf2\xb6\x2a\xa7\x29\xd1\x49\xdc\xd6\x7e\xab\x35\x80\x3e\xbf\x27\xfd\x08\xf4\x85\x21\xeb\x9b",
    // River's manual: the new key
    *b"\x4f\xcb\x14\x00\xf3\x90\x35\x20\xc3\x30\x08\x8c\xc9\xfa\xca\xf0\x46\x8b\x3a\x56\x3f\x70\x9d\xb5\x3c\xf3\x67\xd4\x89\xc2\xa8\x84",
    // the Fernet specification
    *b"\x73\x0f\xf4\xc7\xaf\x3d\x46\x92\x3e\x8e\xd4\x51\xee\x81\x3c\x87\xf7\x90\xb0\xa2\x26\xbc\x96\xa9\x2d\xe4\x9b\x5e\x9c\x05\xe1\xee",
];

/// 32 random bytes have about 30 different ones among them.
const FEWEST_DIFFERENT_BYTES: usize = 8;

impl KeyFingerprint {
    /// Looks at the bytes of a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let (first, second) = key.split_at(key.len() / 2);
        Self {
            whole: digest(key),
            halves: [digest(first), digest(second)],
            weakness: weakness(key),
        }
    }

    /// Says why the key is weak, if it is.
    pub(crate) fn weakness(&self) -> Option<&'static str> {
        self.weakness
    }

    pub(crate) fn same_key(&self, other: &Self) -> bool {
        self.whole == other.whole
    }

    /// Whether half of the bytes are shared. Fernet uses its halves apart, one to sign and one to
    /// encrypt, so a shared half makes two keys one.
    pub(crate) fn shares_half(&self, other: &Self) -> bool {
        self.halves.iter().any(|half| other.halves.contains(half))
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyFingerprint(..)")
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"jobcrypt/key-fingerprint/v1\0")
        .chain_update(bytes)
        .finalize()
        .into()
}

fn weakness(key: &[u8]) -> Option<&'static str> {
    let (first, second) = key.split_at(key.len() / 2);
    if key.len() < 16 {
        return Some("it is shorter than 16 bytes; generate a new key");
    }
    if key.iter().all(|byte| *byte == key[0]) {
        return Some("all its bytes are the same; generate a new key");
    }
    let mut seen = [false; 256];
    for byte in key {
        seen[usize::from(*byte)] = true;
    }
    if seen.iter().filter(|seen| **seen).count() < FEWEST_DIFFERENT_BYTES {
        return Some("it is made of few different bytes; generate a new key");
    }
    if key
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        return Some("it is printable text, not random bytes; generate a new key");
    }
    if first == second {
        return Some("its two halves are the same; generate a new key");
    }
    if PUBLIC_SAMPLES.iter().any(|sample| sample == key) {
        return Some("it is printed in public documentation; generate a new key");
    }
    None
}
