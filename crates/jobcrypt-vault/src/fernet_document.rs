//! The seed's format: one Fernet token over a JSON document. It has no id, and its key shows only in that it opens it.

use std::{collections::BTreeMap, fmt};

use base64_simd::URL_SAFE;
use jobcrypt_core::{
    CipherName, EncryptHook, ErrorKind, JobContext, Key, KeyId, Keyring, Keys, LegacyForm, Policy,
};
use zeroize::Zeroizing;

use crate::{Value, ValueKind, ValuePath, VaultError, tree};

pub(crate) struct FernetDocument {
    keys: Keys,
    values: BTreeMap<Box<str>, Value>,
    /// The file as it was read, until something changes.
    token: Option<Box<str>>,
}

/// Version, time, IV, one block, MAC.
const SHORTEST: usize = 1 + 8 + 16 + 16 + 32;
const BLOCK: usize = 16;

/// How every file begins: version 0x80 and the first bytes of a time before the year 2106.
pub(crate) const BEGIN: &str = "gAAAAA";

impl FernetDocument {
    /// Makes a new document, of no values.
    pub(crate) fn new(keys: Keys) -> Result<Self, VaultError> {
        primary(&keys.snapshot())?;
        Ok(Self {
            keys,
            values: BTreeMap::new(),
            token: None,
        })
    }

    /// Reads a file, in which white space may stand around the token.
    pub(crate) fn parse(text: &str, keys: Keys) -> Result<Self, VaultError> {
        let token = text.trim_ascii();
        check_shape(token)?;
        let document = decrypt(token, &keys)?;
        let document = str::from_utf8(&document)
            .map_err(|_| VaultError::damaged("its document is not text"))?;
        let document = Value::from_json(document)?;
        if document.kind() != ValueKind::Object {
            return Err(VaultError::bad_value("the document is not an object"));
        }
        let values = tree::leaves(&ValuePath::root(), &document)?;
        let named = values
            .into_iter()
            .map(|(path, value)| (path.to_string().into(), value));
        Ok(Self {
            keys,
            values: named.collect(),
            token: Some(token.into()),
        })
    }

    pub(crate) fn to_text(&self) -> Result<String, VaultError> {
        if let Some(token) = &self.token {
            return Ok(token.to_string());
        }
        let keyring = self.keys.snapshot();
        let mut leaves = tree::Leaves::new();
        for (name, value) in &self.values {
            leaves.insert(name.parse()?, value.clone());
        }
        let document = tree::object(&ValuePath::root(), &leaves);
        let mut body = Vec::new();
        primary(&keyring)?
            .encryptor()
            .encrypt(&[], document.as_json().as_bytes(), &mut body)?;
        Ok(URL_SAFE.encode_to_string(&body))
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.values.keys().map(|name| &**name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    pub(crate) fn insert(&mut self, name: &str, value: &Value) {
        self.values.insert(name.into(), value.clone());
        self.token = None;
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.values.remove(name);
        self.token = None;
    }

    /// Returns the id of the key that encrypts.
    pub(crate) fn primary(&self) -> Result<KeyId, VaultError> {
        primary(&self.keys.snapshot()).map(Key::key_id)
    }

    /// Whether this key opens the file.
    pub(crate) fn is_under(&self, id: KeyId) -> bool {
        let keyring = self.keys.snapshot();
        let mut keys = keyring.keys();
        let key = keys.find(|key| key.key_id() == id && key.cipher() == CipherName::FERNET);
        let file = self.token.as_deref();
        key.zip(file).is_some_and(|(key, token)| opens(key, token))
    }

    /// Has the document encrypted anew, unless the first Fernet key opens it already; returns whether it has.
    pub(crate) fn rotate(&mut self) -> Result<bool, VaultError> {
        let is_to_move = self.token.is_some() && !self.is_under(self.primary()?);
        if is_to_move {
            self.token = None;
        }
        Ok(is_to_move)
    }
}

/// Returns the key that encrypts: the first of Fernet.
fn primary(keyring: &Keyring) -> Result<&Key, VaultError> {
    let mut keys = keyring.keys();
    keys.find(|key| key.cipher() == CipherName::FERNET)
        .ok_or(VaultError::KeyMissing {
            file: None,
            needed: "Fernet",
        })
}

/// Tells a file that was cut or overwritten from one under another key; both look alike to Fernet.
fn check_shape(token: &str) -> Result<(), VaultError> {
    let body = URL_SAFE.decode_to_vec(token.as_bytes()).map_err(|_| {
        VaultError::damaged("it begins like a Fernet token, and is cut short or altered")
    })?;
    let is_whole = body.len() >= SHORTEST && (body.len() - SHORTEST).is_multiple_of(BLOCK);
    if is_whole && body[0] == 0x80 {
        Ok(())
    } else {
        Err(VaultError::damaged(
            "it begins like a Fernet token, and is cut short",
        ))
    }
}

/// Opens the token by core's way of reading tokens that name no key, which refuses the body of a jc1 token.
fn decrypt(token: &str, keys: &Keys) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let keyring = keys.snapshot();
    primary(&keyring)?;
    let hook = EncryptHook::builder(keys.clone())
        .default_policy(
            Policy::sealed()
                .reject_plaintext()
                .legacy(LegacyForm::PlainFernet),
        )
        .build()?;
    let stored = format!("\"{token}\"");
    let opened = hook.open_bytes(&JobContext::new(""), stored.as_bytes());
    let document = opened.map_err(|error| match error.kind() {
        ErrorKind::NoMatchingKey => VaultError::WrongKey {
            file: None,
            wanted: None,
            tried: keyring
                .keys()
                .filter(|key| key.cipher() == CipherName::FERNET)
                .count(),
        },
        ErrorKind::AuthenticationFailed | ErrorKind::Malformed => {
            VaultError::damaged("what it holds was written for something else")
        }
        _ => VaultError::Keys(error),
    })?;
    document
        .map(Zeroizing::new)
        .ok_or_else(|| VaultError::damaged("it is not encrypted"))
}

fn opens(key: &Key, token: &str) -> bool {
    let Ok(body) = URL_SAFE.decode_to_vec(token.as_bytes()) else {
        return false;
    };
    let mut document = Zeroizing::new(Vec::with_capacity(body.len()));
    key.encryptor().decrypt(&[], &body, &mut document).is_ok()
}

impl fmt::Debug for FernetDocument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FernetDocument")
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}
