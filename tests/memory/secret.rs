use std::io;

use zeroize::Zeroize;

use crate::memory;

/// Bytes to look for, kept in a disguise so that the search does not find them in itself.
pub(crate) struct Secret(Vec<u8>);

const DISGUISE: u8 = 0xa5;

impl Secret {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ DISGUISE).collect())
    }

    /// Whether the bytes stand in what this process can write to, apart from its stack.
    pub(crate) fn is_found(&self) -> io::Result<bool> {
        let mut is_found = false;
        memory::for_each_region(|region, bytes| {
            is_found |= !is_stack(region) && self.is_in(bytes);
            bytes.zeroize();
        })?;
        Ok(is_found)
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let first = self.0[0] ^ DISGUISE;
        bytes
            .windows(self.0.len())
            .filter(|window| window[0] == first)
            .any(|window| {
                window
                    .iter()
                    .zip(&self.0)
                    .all(|(byte, masked)| byte ^ DISGUISE == *masked)
            })
    }
}

fn is_stack(region: &str) -> bool {
    region.ends_with("[stack]")
}
