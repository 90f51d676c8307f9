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

/// Keys that stand in public documentation: River's manual, the Fernet specification.
const PUBLIC_SAMPLES: [&str; 4] = [
    "iRmwTuVGl2BAwTUPRTJbP/iA2EKpTrzXpEcNIXG2BI0=",
    "fdnQ7+v/5Pb28rYqpynRSdzWfqs1gD6/J/0I9IUh65s=",
    "T8sUAPOQNSDDMAiMyfrK8EaLOlY/cJ21PPNn1InCqIQ=",
    "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=",
];

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
    if key
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    {
        return Some("it is printable text, not random bytes; generate a new key");
    }
    if first == second {
        return Some("its two halves are the same; generate a new key");
    }
    if PUBLIC_SAMPLES.contains(&base64_simd::STANDARD.encode_to_string(key).as_str()) {
        return Some("it is printed in public documentation; generate a new key");
    }
    None
}
