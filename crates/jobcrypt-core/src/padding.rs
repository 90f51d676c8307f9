//! Plaintext of a length that says less: `plaintext || 0x80 || 0x00*`, up to a multiple of a bucket.

use std::num::NonZeroU32;

/// The length of a padded plaintext.
pub(crate) fn padded_len(len: usize, bucket: NonZeroU32) -> usize {
    // The mark itself needs a byte.
    (len + 1).next_multiple_of(bucket.get() as usize)
}

/// Appends the padding to a plaintext.
pub(crate) fn pad(plaintext: &mut Vec<u8>, bucket: NonZeroU32) {
    let len = padded_len(plaintext.len(), bucket);
    plaintext.push(MARK);
    plaintext.resize(len, 0);
}

/// Takes the padding off; whether there was one.
pub(crate) fn strip_from(padded: &mut Vec<u8>) -> bool {
    let Some(mark) = padded.iter().rposition(|byte| *byte != 0) else {
        return false;
    };
    if padded[mark] != MARK {
        return false;
    }
    padded.truncate(mark);
    true
}

const MARK: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_text_fills_its_bucket_and_comes_back() {
        let bucket = NonZeroU32::new(16).expect("16 is not 0");
        for (len, padded) in [(0, 16), (1, 16), (15, 16), (16, 32), (31, 32), (32, 48)] {
            let mut text = vec![0; len];
            pad(&mut text, bucket);
            assert_eq!(text.len(), padded);
            assert!(strip_from(&mut text));
            assert_eq!(text, vec![0; len]);
        }
        assert!(!strip_from(&mut Vec::new()));
        assert!(!strip_from(&mut vec![0; 16]));
        assert!(!strip_from(&mut vec![1, 0]));
    }
}
