//! What the environment says, under NAAS' names.

use std::{env, net::SocketAddr, path::PathBuf};

use jobcrypt::{
    CipherName, Keyring, Keys, SecretKey,
    ciphers::{self, Fernet},
    keys::KeySource,
};
use riverqueue::BoxError;

pub(crate) struct Settings {
    pub(crate) encryption: Encryption,
    pub(crate) form: Form,
    pub(crate) role: Role,
    pub(crate) listen: SocketAddr,
    pub(crate) database: Option<PathBuf>,
    pub(crate) audit: Option<PathBuf>,
    /// Makes the hashes of users; none may encrypt with it.
    pub(crate) hash_key: SecretKey,
}

pub(crate) enum Encryption {
    On(Keys),
    /// Nothing is sealed; what was sealed before is still opened where there are keys.
    Off(Option<Keys>),
}

/// How credentials are stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// As a sealed field, bound to the device and the commands.
    Bound,
    /// As the original NAAS stores them: a Fernet token of `{"u","p","e"}`, bound to nothing. For workers in Python.
    MultiFernet,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Api,
    Both,
    Worker,
}

const KEYS: &str = "NAAS_ENCRYPTION_KEY";
const ENABLED: &str = "CREDENTIAL_ENCRYPTION_ENABLED";

impl Settings {
    pub(crate) fn from_environment(is_trial: bool) -> Result<Self, BoxError> {
        Ok(Self {
            encryption: encryption(is_trial)?,
            form: one_of(
                "NAAS_CREDENTIAL_FORM",
                &[("bound", Form::Bound), ("multifernet", Form::MultiFernet)],
            )?,
            role: one_of(
                "NAAS_ROLE",
                &[
                    ("both", Role::Both),
                    ("api", Role::Api),
                    ("worker", Role::Worker),
                ],
            )?,
            listen: variable("NAAS_LISTEN")
                .unwrap_or_else(|| "127.0.0.1:8080".to_owned())
                .parse()
                .map_err(|_| "NAAS_LISTEN is an address and a port, as 127.0.0.1:8080")?,
            database: variable("NAAS_DATABASE").map(PathBuf::from),
            audit: variable("NAAS_AUDIT").map(PathBuf::from),
            hash_key: match variable("NAAS_HASH_KEY") {
                Some(key) => SecretKey::from_base64(&key)?,
                None => SecretKey::generate()?,
            },
        })
    }
}

fn encryption(is_trial: bool) -> Result<Encryption, BoxError> {
    let is_enabled = one_of(
        ENABLED,
        &[("true", true), ("1", true), ("false", false), ("0", false)],
    )?;
    let file = format!("{KEYS}_FILE");
    let has_keys = variable(KEYS).is_some() || variable(&file).is_some();
    if !has_keys && !is_enabled {
        eprintln!(
            "WARNING: credential encryption is disabled, credentials are stored in plaintext"
        );
        return Ok(Encryption::Off(None));
    }
    let keys: Keys = if has_keys {
        // The newest first, as MultiFernet has it; errors name a key by its position.
        let source = KeySource::variable(KEYS).with_cipher(CipherName::FERNET);
        source.keyring(ciphers::encryptor)?.keyring.into()
    } else if is_trial {
        Keyring::new(Fernet::new(SecretKey::generate()?))
            .build()?
            .into()
    } else {
        return Err(format!(
            "{KEYS} is not set and credential encryption is enabled; set it to a Fernet key, or {ENABLED} to false"
        )
        .into());
    };
    if is_enabled {
        return Ok(Encryption::On(keys));
    }
    eprintln!(
        "WARNING: credential encryption is disabled, credentials are stored in plaintext; those sealed before are still opened"
    );
    Ok(Encryption::Off(Some(keys)))
}

/// Returns what a variable stands for: the first where it is not set, and an error for any other text.
fn one_of<T: Copy>(name: &str, texts: &[(&str, T)]) -> Result<T, BoxError> {
    let text = variable(name).unwrap_or_else(|| texts[0].0.to_owned());
    let meant = texts.iter().find(|it| it.0 == text);
    meant.map(|it| it.1).ok_or_else(|| {
        let texts: Vec<_> = texts.iter().map(|it| it.0).collect();
        format!("{name} is one of {}", texts.join(", ")).into()
    })
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}
