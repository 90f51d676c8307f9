use std::{
    collections::HashSet,
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jobcrypt_core::{CipherName, Encryptor, Error, Key, SecretKey};
use rustix::fs::{CWD, Mode, OFlags, openat};
use tracing::warn;
use zeroize::Zeroizing;

use crate::{
    FileError, KeyLoader, KeyRepository, KeySourceError, Layout, Loaded,
    folder::Folder,
    guarded_file::{self, Guard},
    key_folder, key_list,
    key_text::KeyText,
    loaded::make_keyring,
};

/// Where an app's keys are: a variable, a file, a descriptor, a folder.
///
/// A list of keys is separated by commas, the newest first: that one encrypts. A key is 32 bytes in
/// base64, standard or URL-safe, and one of XChaCha20-Poly1305 unless
/// [`with_cipher`](Self::with_cipher) or the key itself says otherwise, as in `fernet:<base64>`.
///
/// ```
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = folder.path().join("keys");
/// # use std::os::unix::fs::PermissionsExt;
/// # let keys = "fernet:SuKeqmn1GrWZM2PJFEqHTEqPRkr4HQrhR8d1PnMhs9Q=, 0SxGXkAGb5fyXJ1smNHjmYWexOx2UWIVvJHiH_LoUlI\n";
/// # std::fs::write(&path, keys).expect("it is written");
/// # std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
/// use jobcrypt_keys::KeySource;
///
/// let loaded = KeySource::file(&path).keyring(jobcrypt_ciphers::encryptor)?;
/// assert_eq!(loaded.keyring.primary().cipher().as_str(), "fernet");
/// assert_eq!(loaded.remarks.len(), 2); // no = at the end, and a line break
/// # Ok::<(), jobcrypt_keys::KeySourceError>(())
/// ```
pub struct KeySource {
    place: Place,
    cipher: CipherName,
    guard: Guard,
    /// A pipe can be read once.
    read_before: Mutex<Option<Arc<Zeroizing<Vec<u8>>>>>,
    said: Mutex<HashSet<String>>,
}

#[derive(Debug)]
enum Place {
    Descriptor(u32),
    Directory(PathBuf),
    File(PathBuf),
    Variable(String),
}

/// What was read, before it becomes a keyring.
type Named = (Option<String>, KeyText);

impl KeySource {
    /// Takes the keys from the variable `name`, or from the file that `<name>_FILE` names. Both at once
    /// are an error.
    #[must_use]
    pub fn variable(name: impl Into<String>) -> Self {
        Self::at(Place::Variable(name.into()))
    }

    /// Takes the keys from a file: a list separated by commas, or one key a line, the newest first.
    ///
    /// The file belongs to this user or to root. The group may read it; for more see
    /// [`readable_by_others`](Self::readable_by_others). It may be a link, as in a Kubernetes secret.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::File(path.into()))
    }

    /// Takes the keys from an open descriptor, by its number, as a shell or systemd passes one. It is
    /// read once; the keys then stay as they are.
    #[must_use]
    pub fn descriptor(number: u32) -> Self {
        Self::at(Place::Descriptor(number))
    }

    /// Takes the keys from a folder: a [`KeyRepository`], or one key in each file, of which the one named
    /// `primary` encrypts and all others only decrypt.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Directory(path.into()))
    }

    /// Makes keys that name no cipher ones of `cipher`. A repository knows its own.
    #[must_use]
    pub fn with_cipher(mut self, cipher: CipherName) -> Self {
        self.cipher = cipher;
        self
    }

    /// Accepts files that every user of the machine may read, as in a container whose secrets are
    /// mounted with mode 0444 or 0644. A repository stays strict.
    #[must_use]
    pub fn readable_by_others(mut self) -> Self {
        self.guard = Guard::Everyone;
        self
    }

    /// Reads the keys, with encryptors that `make` makes, such as `jobcrypt_ciphers::encryptor`. What
    /// was odd and accepted is logged once as `keys.remark`, and returned.
    ///
    /// # Errors
    ///
    /// [`KeySourceError`], naming the position of a key and never its bytes.
    pub fn keyring<M>(&self, make: M) -> Result<Loaded, KeySourceError>
    where
        M: Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error>,
    {
        let loaded = self.keyring_with(make, |name| env::var_os(name))?;
        for remark in &loaded.remarks {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.insert(remark.clone()) {
                warn!(target: "jobcrypt", "keys.remark: {remark}");
            }
        }
        Ok(loaded)
    }

    /// Makes it a [`KeyProvider`](jobcrypt_core::KeyProvider), which reads the keys again when asked.
    #[must_use]
    pub fn provider<M>(self, make: M) -> KeyLoader
    where
        M: Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error> + Send + Sync + 'static,
    {
        KeyLoader::new(self, make)
    }

    /// Returns the folder in which something happens when the keys change.
    pub(crate) fn watched(&self) -> Option<PathBuf> {
        let parent = |path: &Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        match &self.place {
            Place::Descriptor(_) => None,
            Place::Directory(path) => Some(path.clone()),
            Place::File(path) => Some(parent(path)),
            Place::Variable(name) => {
                let file = env::var_os(format!("{name}_FILE"))?;
                Some(parent(Path::new(&file)))
            }
        }
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            cipher: CipherName::XCHACHA20_POLY1305,
            guard: Guard::Group,
            read_before: Mutex::new(None),
            said: Mutex::new(HashSet::new()),
        }
    }

    /// Reads the keys where variables have the values that `variable` returns.
    fn keyring_with<M>(
        &self,
        make: M,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Loaded, KeySourceError>
    where
        M: Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error>,
    {
        if let Place::Directory(path) = &self.place
            && Layout::detect(&Folder::open_unchecked(path)?)?.is_some()
        {
            return self.repository(path, make);
        }
        let mut remarks = Vec::new();
        let place = self.place(&variable);
        let keys = self.keys(&place, &variable, &mut remarks)?;
        let failed = |source| KeySourceError::Keyring { place, source };
        let keys: Result<Vec<_>, Error> = keys
            .into_iter()
            .map(|(name, text)| {
                let key = Key::new(make(text.cipher, text.key)?);
                Ok(match name {
                    Some(name) => key.with_alias(name),
                    None => key,
                })
            })
            .collect();
        let keyring = keys
            .and_then(|keys| make_keyring(keys, []))
            .map_err(failed)?;
        let ids: Vec<_> = keyring.keys().map(|key| key.key_id().to_string()).collect();
        Ok(Loaded {
            keyring,
            remarks,
            fingerprint: ids.join(" "),
            generation: None,
        })
    }

    fn repository<M>(&self, path: &Path, make: M) -> Result<Loaded, KeySourceError>
    where
        M: Fn(CipherName, SecretKey) -> Result<Arc<dyn Encryptor>, Error>,
    {
        let snapshot = KeyRepository::open(path)?.snapshot()?;
        let keyring = snapshot
            .keyring(make)
            .map_err(|source| KeySourceError::Keyring {
                place: self.to_string(),
                source,
            })?;
        Ok(Loaded {
            keyring,
            remarks: snapshot.remarks().to_vec(),
            fingerprint: snapshot.fingerprint(),
            generation: Some(snapshot.generation()),
        })
    }

    /// Says where the keys are, by the variable that names the file where one does.
    fn place(&self, variable: &impl Fn(&str) -> Option<OsString>) -> String {
        match &self.place {
            Place::Variable(name) if variable(name).is_none() => {
                let file = format!("{name}_FILE");
                match variable(&file) {
                    Some(path) => format!("{} ({file})", Path::new(&path).display()),
                    None => self.to_string(),
                }
            }
            _ => self.to_string(),
        }
    }

    fn keys(
        &self,
        place: &str,
        variable: &impl Fn(&str) -> Option<OsString>,
        remarks: &mut Vec<String>,
    ) -> Result<Vec<Named>, KeySourceError> {
        let text = match &self.place {
            Place::Descriptor(number) => self.descriptor_text(*number)?,
            Place::Directory(path) => {
                let folder = Folder::open_unchecked(path)?;
                let keys = key_folder::read(&folder, self.cipher, self.guard, remarks)?;
                return Ok(keys
                    .into_iter()
                    .map(|(name, key)| (Some(name), key))
                    .collect());
            }
            Place::File(path) => Arc::new(self.file_text(path)?),
            Place::Variable(name) => Arc::new(self.variable_text(name, variable)?),
        };
        let keys = key_list::read(&text, place, self.cipher, remarks)?;
        Ok(keys.into_iter().map(|key| (None, key)).collect())
    }

    fn variable_text(
        &self,
        name: &str,
        variable: &impl Fn(&str) -> Option<OsString>,
    ) -> Result<Zeroizing<Vec<u8>>, KeySourceError> {
        let file = variable(&format!("{name}_FILE"));
        match (variable(name), file) {
            (Some(_), Some(_)) => Err(KeySourceError::Ambiguous {
                name: name.to_owned(),
            }),
            (Some(keys), None) => match keys.into_string() {
                Ok(keys) => Ok(Zeroizing::new(keys.into_bytes())),
                Err(_) => Err(KeySourceError::NotText {
                    name: name.to_owned(),
                }),
            },
            (None, Some(file)) => Ok(self.file_text(Path::new(&file))?),
            (None, None) => Err(KeySourceError::Unset {
                name: name.to_owned(),
            }),
        }
    }

    fn file_text(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let contents = guarded_file::read(CWD, path, path.to_owned(), self.guard)?;
        Ok(contents.bytes)
    }

    fn descriptor_text(&self, number: u32) -> Result<Arc<Zeroizing<Vec<u8>>>, KeySourceError> {
        let mut before = self
            .read_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = &*before {
            return Ok(Arc::clone(text));
        }
        let failed = |source| KeySourceError::Descriptor {
            descriptor: number,
            source,
        };
        let path = PathBuf::from(format!("/dev/fd/{number}"));
        let file = openat(CWD, &path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| failed(FileError::io("open", &path, error)))?;
        let text = Arc::new(guarded_file::read_whole(file, path).map_err(failed)?);
        *before = Some(Arc::clone(&text));
        Ok(text)
    }
}

/// Says where the keys are.
impl fmt::Display for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Descriptor(number) => write!(formatter, "descriptor {number}"),
            Place::Directory(path) | Place::File(path) => path.display().fmt(formatter),
            Place::Variable(name) => formatter.write_str(name),
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeySource({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cipher: CipherName) -> String {
        let key = SecretKey::generate().expect("there is randomness");
        crate::key_text::key_as_text(cipher, &key).to_string()
    }

    fn load(value: Option<&str>, file: Option<&Path>) -> Result<Loaded, KeySourceError> {
        KeySource::variable("NAAS_ENCRYPTION_KEY")
            .with_cipher(CipherName::FERNET)
            .keyring_with(jobcrypt_ciphers::encryptor, |name| match name {
                "NAAS_ENCRYPTION_KEY" => value.map(OsString::from),
                "NAAS_ENCRYPTION_KEY_FILE" => file.map(OsString::from),
                _ => None,
            })
    }

    fn refusal(value: Option<&str>, file: Option<&Path>) -> String {
        load(value, file).expect_err("it is refused").to_string()
    }

    #[test]
    fn the_first_of_a_list_encrypts_and_the_others_decrypt() {
        let (new, old) = (text(CipherName::FERNET), text(CipherName::SECRETBOX));
        let loaded = load(Some(&format!("{new}, secretbox:{old}")), None).expect("they are keys");
        let ciphers: Vec<_> = loaded.keyring.keys().map(Key::cipher).collect();
        assert_eq!(ciphers, [CipherName::FERNET, CipherName::SECRETBOX]);
        assert!(loaded.remarks.is_empty(), "{:?}", loaded.remarks);
    }

    #[test]
    fn an_empty_place_in_a_list_is_named_by_its_position() {
        let key = text(CipherName::FERNET);
        let refusal = refusal(Some(&format!("{key},")), None);
        assert_eq!(
            refusal,
            "key 2 of 2 in NAAS_ENCRYPTION_KEY: it is empty; is a comma too many?"
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let key = text(CipherName::FERNET);
        let refusal = refusal(Some(&format!("{key},{key}")), None);
        assert!(refusal.contains("key 2 of 2"), "{refusal}");
        assert!(!refusal.contains(&key[..8]), "{refusal}");
    }

    #[test]
    fn a_variable_that_is_missing_empty_or_set_twice_says_what_to_do() {
        assert!(refusal(None, None).contains("NAAS_ENCRYPTION_KEY_FILE"));
        assert!(refusal(Some(" \n"), None).contains("holds no key"));
        let both = refusal(Some("x"), Some(Path::new("/x")));
        assert!(both.contains("unset one"), "{both}");
    }

    #[test]
    fn one_key_a_line_is_accepted_and_said() {
        let (new, old) = (text(CipherName::FERNET), text(CipherName::FERNET));
        let loaded = load(Some(&format!("{new}\r\n{old}\n\n")), None).expect("they are keys");
        assert_eq!(loaded.keyring.keys().count(), 2);
        assert_eq!(
            loaded.remarks,
            ["NAAS_ENCRYPTION_KEY holds one key a line; the first one encrypts"]
        );
    }

    #[test]
    fn what_is_odd_in_a_file_is_said_of_the_file() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let (new, old) = (text(CipherName::FERNET), text(CipherName::FERNET));
        std::fs::write(file.path(), format!("{new}\n{old}\n")).expect("it can be written");
        let loaded = load(None, Some(file.path())).expect("they are keys");
        let place = format!("{} (NAAS_ENCRYPTION_KEY_FILE)", file.path().display());
        assert_eq!(
            loaded.remarks,
            [format!(
                "{place} holds one key a line; the first one encrypts"
            )]
        );
        std::fs::write(file.path(), "no key").expect("it can be written");
        assert!(refusal(None, Some(file.path())).contains(&place));
    }
}
