use std::{
    env,
    path::{Path, PathBuf},
};

use clap::Args;
use jobcrypt::{
    CipherName, Keyring, ciphers,
    keys::{KeySource, KeySourceError},
};

use crate::{exit::Exit, failure::Failure, variable_name};

/// The keys of a vault.
#[derive(Args)]
pub(crate) struct KeyArguments {
    /// The environment variable that holds the keys; with `_FILE` behind its name, the file. Unless set, `JOBCRYPT_KEYS` and
    /// then `MASTER_KEY`
    #[arg(long, value_name = "VARIABLE", help_heading = KEYS)]
    keys_from: Option<String>,

    /// The key repository, or a folder or file of keys, in place of a variable; also <(COMMAND) of a shell
    #[arg(long, value_name = "PATH", conflicts_with = "keys_from", help_heading = KEYS)]
    keys_in: Option<PathBuf>,

    /// The cipher of keys that do not name theirs, as `fernet:KEY` does: xchacha20poly1305 unless set, and fernet for
    /// `MASTER_KEY`
    #[arg(long, help_heading = KEYS)]
    cipher: Option<CipherName>,
}

/// Where options that all commands have stand in their help.
pub(super) const KEYS: &str = "Keys, and who is told";
const VARIABLE: &str = "JOBCRYPT_KEYS";
/// The seed's variable, which holds Fernet keys.
const MASTER_KEY: &str = "MASTER_KEY";

impl KeyArguments {
    pub(crate) fn keyring(&self) -> Result<Keyring, Failure> {
        let source = match &self.keys_in {
            Some(path) => source_at(path),
            None => KeySource::variable(self.variable()?),
        };
        let loaded = source
            .with_cipher(self.cipher())
            .keyring(ciphers::encryptor)
            .map_err(|error| match error {
                KeySourceError::Unset { .. } if self.keys_from.is_none() => none_is_set(),
                other => other.into(),
            })?;
        // Any file of a key ends in one.
        let is_line_break = |remark: &&String| remark.ends_with("a line break");
        for remark in loaded.remarks.iter().filter(|it| !is_line_break(it)) {
            eprintln!("{remark}");
        }
        Ok(loaded.keyring)
    }

    /// The cipher of keys that do not name theirs.
    pub(crate) fn cipher(&self) -> CipherName {
        let is_of_seed =
            self.keys_in.is_none() && self.variable().is_ok_and(|variable| variable == MASTER_KEY);
        self.cipher.unwrap_or(if is_of_seed {
            CipherName::FERNET
        } else {
            CipherName::XCHACHA20_POLY1305
        })
    }

    /// The keys of another file than was asked for.
    pub(crate) fn keyring_in(&self, list: &Path) -> Result<Keyring, Failure> {
        let source = KeySource::file(list).with_cipher(self.cipher());
        Ok(source.keyring(ciphers::encryptor)?.keyring)
    }

    /// The file that holds the keys as a list, where it is one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match &self.keys_in {
            Some(path) => (!path.is_dir()).then(|| path.clone()),
            None => env::var_os(format!("{}_FILE", self.variable().ok()?)).map(PathBuf::from),
        }
    }

    /// The variables that may hold keys, or name a file of them: what a child must not see.
    pub(crate) fn variables(&self) -> Vec<String> {
        [Some(VARIABLE), Some(MASTER_KEY), self.keys_from.as_deref()]
            .into_iter()
            .flatten()
            .flat_map(|name| [name.to_owned(), format!("{name}_FILE")])
            .chain(["JOBCRYPT_AUDIT_KEY".to_owned()])
            .collect()
    }

    fn variable(&self) -> Result<&str, Failure> {
        if let Some(variable) = &self.keys_from {
            variable_name::check("--keys-from", variable, Exit::Keys)?;
            return Ok(variable);
        }
        let is_set = |name: &str| {
            env::var_os(name).is_some() || env::var_os(format!("{name}_FILE")).is_some()
        };
        Ok(if !is_set(VARIABLE) && is_set(MASTER_KEY) {
            MASTER_KEY
        } else {
            VARIABLE
        })
    }
}

fn source_at(path: &Path) -> KeySource {
    // What a shell makes of <(...), which is read once.
    let descriptor = path.strip_prefix("/dev/fd").ok();
    let number = descriptor.and_then(|number| number.to_str()?.parse().ok());
    match number {
        Some(number) => KeySource::descriptor(number),
        None if path.is_dir() => KeySource::directory(path),
        None => KeySource::file(path),
    }
}

fn none_is_set() -> Failure {
    Failure::new(
        Exit::KeyMissing,
        "there is no key: neither JOBCRYPT_KEYS nor JOBCRYPT_KEYS_FILE nor MASTER_KEY is set",
    )
    .next_step(
        "name a file of keys with --keys-in; a new one is made by `umask 077; jobcrypt keys generate > vault.key`",
    )
}
