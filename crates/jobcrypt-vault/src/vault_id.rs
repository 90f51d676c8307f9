use std::{fmt, str::FromStr};

use base64_simd::AsOut;

use crate::VaultError;

/// The name of a vault: 16 random bytes, drawn when it is created, shown as 22 characters of base64url.
///
/// It is bound into each token, so that no entry of one vault opens in another, even under the same key.
///
/// ```
/// use jobcrypt_vault::VaultId;
///
/// let id: VaultId = "CFB0rL6Pq1gnXsqkxsuMVQ".parse()?;
/// assert_eq!(id.to_string(), "CFB0rL6Pq1gnXsqkxsuMVQ");
/// # Ok::<(), jobcrypt_vault::VaultError>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VaultId([u8; 16]);

impl VaultId {
    /// The length as text, in characters.
    const TEXT_LEN: usize = 22;

    /// Draws a new one.
    pub(crate) fn random() -> Result<Self, VaultError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| VaultError::NoRandomness)?;
        Ok(Self(id))
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for VaultId {
    type Err = VaultError;

    /// # Errors
    ///
    /// [`VaultError::Damaged`] when `text` is not 22 characters of canonical base64url.
    fn from_str(text: &str) -> Result<Self, VaultError> {
        let mut id = [0; 16];
        let is_id = text.len() == Self::TEXT_LEN
            && base64_simd::URL_SAFE_NO_PAD
                .decode(text.as_bytes(), id.as_mut_slice().as_out())
                .is_ok();
        if is_id {
            Ok(Self(id))
        } else {
            Err(VaultError::damaged(
                "the id of a vault is 22 characters of base64url",
            ))
        }
    }
}

impl fmt::Debug for VaultId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VaultId({self})")
    }
}

impl fmt::Display for VaultId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64_simd::URL_SAFE_NO_PAD.encode_to_string(self.0))
    }
}
