use std::fmt;

use memchr::memchr;

use crate::{CipherName, Error, ErrorKind, KeyId, cipher_name, form::Form};

/// The parts of a token: `jc1.<cipher>.<key id>.<body>`, or `jc1f` for fields. Read without a key, so it says what a token
/// claims and proves nothing.
///
/// ```
/// use jobcrypt_core::Envelope;
///
/// let token = "jc1.secretbox.AAAAAAAAAAAAAAAAAAAAAA.AAAA";
/// let envelope = Envelope::parse(token)?;
/// assert_eq!(envelope.cipher(), "secretbox");
/// assert_eq!(envelope.key_id().as_bytes(), &[0; 16]);
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Envelope<'a> {
    form: Form,
    cipher: &'a str,
    key_id: KeyId,
    /// As it is written; whether it is base64 shows when it is decoded.
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads a token, strictly: nothing around it, no second spelling.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnsupportedVersion`] for a later version, form or option,
    /// [`ErrorKind::Malformed`] for everything else that is no token.
    pub fn parse(token: &'a str) -> Result<Self, Error> {
        Self::parse_bytes(token.as_bytes())
    }

    pub(crate) fn parse_bytes(token: &'a [u8]) -> Result<Self, Error> {
        let malformed = |detail| Error::new(ErrorKind::Malformed, detail);
        // The body is long and the rest is short, so the dots are looked for one by one.
        let mut rest = token;
        let mut part = || {
            let dot = memchr(b'.', rest)?;
            let (part, behind) = rest.split_at(dot);
            rest = &behind[1..];
            Some(part)
        };
        let is_fields = match part() {
            Some(b"jc1") => false,
            Some(b"jc1f") => true,
            _ if has_version(token) => {
                return Err(Error::new(
                    ErrorKind::UnsupportedVersion,
                    "this release reads tokens that begin with jc1. or jc1f.",
                ));
            }
            _ => {
                return Err(malformed(
                    "what stands under the marker does not begin with jc1. or jc1f.",
                ));
            }
        };
        let (Some(cipher), Some(key_id)) = (part(), part()) else {
            return Err(malformed("a token has four parts between dots"));
        };
        if memchr(b'.', rest).is_some() {
            return Err(malformed("a token has four parts between dots"));
        }
        let (cipher, is_padded) = match memchr(b'+', cipher) {
            None => (cipher, false),
            Some(plus) if &cipher[plus..] == b"+pad" => (&cipher[..plus], true),
            Some(_) => {
                return Err(Error::new(
                    ErrorKind::UnsupportedVersion,
                    "this release knows no option of ciphers but +pad",
                ));
            }
        };
        let cipher = std::str::from_utf8(cipher)
            .ok()
            .filter(|cipher| cipher_name::is_valid(cipher.as_bytes()))
            .ok_or_else(|| malformed("the token's second part is no name of a cipher"))?;
        let key_id = KeyId::from_text(key_id)
            .ok_or_else(|| malformed("the token's third part is no key id"))?;
        Ok(Self {
            form: Form::new(is_fields, is_padded),
            cipher,
            key_id,
            body: rest,
        })
    }

    /// Whether the token holds fields of args, the rest of which stand beside it.
    #[must_use]
    pub fn is_fields(&self) -> bool {
        self.form.is_fields
    }

    /// Whether what the token holds was padded, so that its length says less.
    #[must_use]
    pub fn is_padded(&self) -> bool {
        self.form.is_padded
    }

    /// Returns the name of the cipher as the token has it; this build need not know it.
    #[must_use]
    pub fn cipher(&self) -> &'a str {
        self.cipher
    }

    /// Returns the id of the key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Returns what the encryptor wrote as it is written.
    pub(crate) fn written_body(&self) -> &[u8] {
        self.body
    }

    /// Appends what the encryptor wrote.
    pub(crate) fn read_body(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        decode_body(self.body, out)
    }
}

/// Returns how every token of a key begins: all of it but the body.
pub(crate) fn prefix(form: Form, cipher: CipherName, key_id: KeyId) -> Box<[u8]> {
    let (first, options) = (form.first_part(), form.options());
    format!("{first}.{cipher}{options}.{key_id}.")
        .into_bytes()
        .into()
}

/// Appends the body of a token as it is written.
pub(crate) fn encode_body(body: &[u8], out: &mut Vec<u8>) {
    base64_simd::URL_SAFE_NO_PAD.encode_append(body, out);
}

/// How long a body is as it is written.
pub(crate) fn encoded_len(body: &[u8]) -> usize {
    base64_simd::URL_SAFE_NO_PAD.encoded_length(body.len())
}

/// Appends what the encryptor wrote, given the body as it is written.
pub(crate) fn decode_body(written: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    base64_simd::URL_SAFE_NO_PAD
        .decode_append(written, out)
        .map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                "the token's fourth part is not canonical base64url",
            )
        })?;
    Ok(())
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Envelope")
            .field("form", &self.form.as_str())
            .field("cipher", &self.cipher)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Whether a text claims to be a token of jobcrypt, of whatever version: `jc`, a digit, and a dot
/// further on. Such a text is never taken for a legacy form. No base64 has a dot, so no legacy text
/// is taken for a token either.
pub(crate) fn has_version(text: &[u8]) -> bool {
    matches!(text, [b'j', b'c', b'0'..=b'9', ..]) && memchr(b'.', text).is_some()
}
