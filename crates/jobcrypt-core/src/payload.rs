use std::{borrow::Cow, io};

use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

use crate::{Error, ErrorKind};

/// How a queue carries args: JSON, in one type or another.
///
/// ```
/// use jobcrypt_core::Payload;
///
/// let args = serde_json::json!({"to": "ada@example.com"});
/// let bytes = args.as_json()?.into_owned();
/// assert_eq!(serde_json::Value::from_json(bytes)?, args);
/// # Ok::<(), jobcrypt_core::Error>(())
/// ```
pub trait Payload: Sized {
    /// Returns the args as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when they cannot be written as JSON.
    fn as_json(&self) -> Result<Cow<'_, [u8]>, Error>;

    /// Takes JSON as args.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when this type cannot carry it.
    fn from_json(json: Vec<u8>) -> Result<Self, Error>;
}

impl Payload for Vec<u8> {
    fn as_json(&self) -> Result<Cow<'_, [u8]>, Error> {
        Ok(Cow::Borrowed(self))
    }

    fn from_json(json: Vec<u8>) -> Result<Self, Error> {
        Ok(json)
    }
}

#[cfg(feature = "bytes")]
impl Payload for bytes::Bytes {
    fn as_json(&self) -> Result<Cow<'_, [u8]>, Error> {
        Ok(Cow::Borrowed(self))
    }

    fn from_json(json: Vec<u8>) -> Result<Self, Error> {
        Ok(json.into())
    }
}

impl Payload for String {
    fn as_json(&self) -> Result<Cow<'_, [u8]>, Error> {
        Ok(Cow::Borrowed(self.as_bytes()))
    }

    fn from_json(json: Vec<u8>) -> Result<Self, Error> {
        Self::from_utf8(json).map_err(|error| {
            error.into_bytes().zeroize();
            not_json()
        })
    }
}

impl Payload for Box<RawValue> {
    fn as_json(&self) -> Result<Cow<'_, [u8]>, Error> {
        Ok(Cow::Borrowed(self.get().as_bytes()))
    }

    fn from_json(json: Vec<u8>) -> Result<Self, Error> {
        // Copied to its exact size, so that no allocator leaves a part of it behind.
        serde_json::from_slice::<&RawValue>(&Zeroizing::new(json))
            .map(RawValue::to_owned)
            .map_err(|_| not_json())
    }
}

/// Numbers, the order of keys and duplicate keys come back as `Value` keeps them; the other types
/// keep every byte.
impl Payload for serde_json::Value {
    fn as_json(&self) -> Result<Cow<'_, [u8]>, Error> {
        // Measured first: a `Vec` that grows leaves copies behind.
        let mut len = Length(0);
        serde_json::to_writer(&mut len, self).map_err(|_| not_json())?;
        let mut json = Vec::with_capacity(len.0);
        serde_json::to_writer(&mut json, self).map_err(|_| not_json())?;
        Ok(Cow::Owned(json))
    }

    fn from_json(json: Vec<u8>) -> Result<Self, Error> {
        serde_json::from_slice(&Zeroizing::new(json)).map_err(|_| not_json())
    }
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What serde says would quote the args, so it stays unsaid.
fn not_json() -> Error {
    Error::new(ErrorKind::Malformed, "the args are not JSON")
}
