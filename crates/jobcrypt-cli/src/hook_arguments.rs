use std::{env, path::PathBuf};

use clap::{Args, ValueEnum};
use jobcrypt::{
    CipherName, EncryptHook, KeyId, LegacyForm, Policy, ciphers,
    keys::{KeyRepository, KeySource},
};

use crate::{exit::Exit, failure::Failure, variable_name};

/// The hook that seals and opens the jobs at hand: its keys and its namespace.
#[derive(Args)]
#[command(next_help_heading = "How jobs are sealed")]
pub(crate) struct HookArguments {
    /// The environment variable that holds the keys, newest first, separated by commas; with `_FILE` behind
    /// its name, the file [default: JOBCRYPT_KEYS]
    #[arg(long, value_name = "VARIABLE")]
    keys_from: Option<String>,

    /// The key repository, or a folder or file of keys, in place of a variable
    #[arg(long, value_name = "PATH", conflicts_with = "keys_from")]
    keys_in: Option<PathBuf>,

    /// The cipher of keys that do not name theirs, as `fernet:KEY` does
    #[arg(long, default_value = "xchacha20poly1305")]
    cipher: CipherName,

    /// The namespace that producers and workers set
    #[arg(long, default_value = "")]
    namespace: String,

    /// The marker that producers and workers set
    #[arg(long, default_value = "river_encrypt")]
    marker: String,

    /// The form in which jobs were stored before jobcrypt
    #[arg(long, value_enum)]
    legacy: Option<Form>,
}

const VARIABLE: &str = "JOBCRYPT_KEYS";

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// A JSON string of base64, by NaCl secretbox
    PlainBox,
    /// A JSON string, a Fernet token
    PlainFernet,
    /// An object with the marker, and base64 under it
    River,
}

impl HookArguments {
    /// The key under which tokens stand.
    pub(crate) fn marker(&self) -> &str {
        &self.marker
    }

    /// Whether keys are given at all.
    pub(crate) fn has_keys(&self) -> bool {
        let is_set = |name: &str| env::var_os(name).is_some_and(|text| !text.is_empty());
        let is_named = self.keys_in.is_some() || self.keys_from.is_some();
        is_named || is_set(VARIABLE) || is_set(&format!("{VARIABLE}_FILE"))
    }

    /// Refuses a key in the place of a variable's name, also where no key is needed.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        variable_name::check("--keys-from", self.variable(), Exit::Keys)
    }

    /// The staged key, where keys come from a repository.
    pub(crate) fn staged(&self) -> Option<KeyId> {
        let repository = KeyRepository::open(self.keys_in.as_ref()?).ok()?;
        Some(repository.snapshot().ok()?.staged()?.id)
    }

    pub(crate) fn hook(&self) -> Result<EncryptHook, Failure> {
        self.check()?;
        let loaded = self
            .source()
            .with_cipher(self.cipher)
            .keyring(ciphers::encryptor)
            .map_err(|error| Failure::new(Exit::Keys, "the keys cannot be used").because(error))?;
        for remark in &loaded.remarks {
            eprintln!("{remark}");
        }
        let policy = match self.legacy {
            None => Policy::sealed(),
            Some(Form::PlainBox) => Policy::sealed().legacy(LegacyForm::PlainBox),
            Some(Form::PlainFernet) => Policy::sealed().legacy(LegacyForm::PlainFernet),
            Some(Form::River) => Policy::sealed().legacy(LegacyForm::River),
        };
        EncryptHook::builder(loaded.keyring)
            .namespace(&*self.namespace)
            .marker(&*self.marker)
            .default_policy(policy)
            .build()
            .map_err(|error| Failure::new(Exit::Keys, "these keys make no hook").because(error))
    }

    fn source(&self) -> KeySource {
        match &self.keys_in {
            Some(path) if path.is_dir() => KeySource::directory(path),
            Some(path) => KeySource::file(path),
            None => KeySource::variable(self.variable()),
        }
    }

    fn variable(&self) -> &str {
        self.keys_from.as_deref().unwrap_or(VARIABLE)
    }
}
