use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};
use zeroize::{Zeroize, Zeroizing};

use crate::{EncryptHook, Envelope, Error, ErrorKind, JobContext, Purpose};

/// A value that is sealed where it is made and opened where it is used, and rests sealed everywhere between: in
/// args, in a queue without a hook, in a log of args.
///
/// It is written as `{"river_encrypt":"jc1..."}`, under the marker of the hook that sealed it, and bound to
/// the kind of its job, the namespace of the hook and its own name. It holds the token and never the value, so
/// there is nothing in it to hide or to wipe.
///
/// A hook that seals the args as a whole seals them around it. One whose kind is readable, or seals some
/// fields, stores it as it is where [`Policy::with_sealed_values`](crate::Policy::with_sealed_values) says so.
///
/// ```
/// use jobcrypt_ciphers::XChaCha20Poly1305;
/// use jobcrypt_core::{EncryptHook, Keyring, Sealed, SecretKey};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct SendCommand {
///     host: String,
///     password: Sealed<String>,
/// }
///
/// let keyring = Keyring::new(XChaCha20Poly1305::new(SecretKey::generate()?)).build()?;
/// let hook = EncryptHook::builder(keyring).build()?;
/// let args = SendCommand {
///     host: "sw1".to_owned(),
///     password: Sealed::seal(&hook, "send_command", "password", &"swordfish".to_owned())?,
/// };
/// let stored = serde_json::to_string(&args)?;
/// assert!(stored.starts_with(r#"{"host":"sw1","password":{"river_encrypt":"jc1."#));
///
/// let args: SendCommand = serde_json::from_str(&stored)?;
/// assert_eq!(args.password.open(&hook, "send_command", "password")?, "swordfish");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sealed<T> {
    marker: Box<str>,
    token: Box<str>,
    value: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    /// Seals a value for jobs of this `kind`, whatever the policy of the kind is. `name` tells the values of
    /// one kind apart: neither opens in the place of another.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when the value cannot be written as JSON, [`ErrorKind::InvalidConfiguration`]
    /// in decrypt-only mode, which never seals, and those of [`EncryptHook::seal`] about keys.
    pub fn seal(hook: &EncryptHook, kind: &str, name: &str, value: &T) -> Result<Self, Error>
    where
        T: Serialize,
    {
        let seal = || {
            let json = to_json(value)?;
            let envelope = hook.seal_value(&context(kind, name), &json)?;
            serde_json::from_slice(&envelope)
                .map_err(|_| Error::new(ErrorKind::EncryptionFailed, "no envelope was made"))
        };
        seal().map_err(|error: Error| error.for_job(kind))
    }

    /// Opens the value. What it is read from is wiped; the value itself is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// Those of [`EncryptHook::open`] for a sealed job; [`ErrorKind::Malformed`] also when the value stands
    /// under another marker than the hook has, or is none of this type. Serde's own words, which would quote
    /// it, are left out.
    pub fn open(&self, hook: &EncryptHook, kind: &str, name: &str) -> Result<T, Error>
    where
        T: DeserializeOwned,
    {
        let malformed = |detail| Error::new(ErrorKind::Malformed, detail).for_job(kind);
        let envelope = serde_json::to_vec(self).map_err(|_| malformed("it is no envelope"))?;
        let json = hook.open_bytes(&context(kind, name), &envelope)?;
        let json = json.map(Zeroizing::new);
        let json = json.ok_or_else(|| malformed("it stands under another marker"))?;
        serde_json::from_slice(&json)
            .map_err(|_| malformed("the value is not of the type that is asked for"))
    }

    /// Returns the token, for counting; it says which key is needed and proves nothing.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }
}

fn context<'a>(kind: &'a str, name: &'a str) -> JobContext<'a> {
    JobContext::new(kind)
        .with_purpose(Purpose::VALUE)
        .with_detail(name)
}

/// Writes a value as JSON into memory that is wiped, growing by copies that are wiped too.
fn to_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut json = Wiped(Vec::new());
    serde_json::to_writer(&mut json, value)
        .map_err(|_| Error::new(ErrorKind::Malformed, "the value cannot be written as JSON"))?;
    Ok(Zeroizing::new(std::mem::take(&mut json.0)))
}

/// A `Vec` that grows leaves copies behind; this one wipes them.
struct Wiped(Vec<u8>);

impl std::io::Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut grown = Vec::with_capacity(needed.max(256).next_power_of_two());
            grown.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = grown;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self {
            marker: self.marker.clone(),
            token: self.token.clone(),
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealed(..)")
    }
}

impl<T> Serialize for Sealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.marker, &self.token)?;
        map.end()
    }
}

/// An object with one key, and under it a token of a whole value; all else is an error.
impl<'de, T> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What stands here instead may be the value itself, so no error quotes it.
        let sealed = deserializer.deserialize_map(SealedVisitor(PhantomData));
        sealed.map_err(|_| D::Error::custom("this is no sealed value"))
    }
}

struct SealedVisitor<T>(PhantomData<fn() -> T>);

impl<'de, T> Visitor<'de> for SealedVisitor<T> {
    type Value = Sealed<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a sealed value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sealed<T>, A::Error> {
        let no_value = || A::Error::custom("");
        let (marker, Text(token)) = map.next_entry()?.ok_or_else(no_value)?;
        let is_whole = Envelope::parse(&token).is_ok_and(|it| !it.is_fields());
        let is_alone = map
            .next_key::<serde::de::IgnoredAny>()
            .is_ok_and(|key| key.is_none());
        if !is_whole || !is_alone {
            return Err(no_value());
        }
        Ok(Sealed {
            marker,
            token,
            value: PhantomData,
        })
    }
}

#[derive(Deserialize)]
struct Text(Box<str>);
