//! Credentials of a device, and how they are stored.

use std::fmt;

use base64_simd::URL_SAFE;
use jobcrypt::{EncryptHook, Error, ErrorKind, JobContext, LegacyForm, Policy, Purpose};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    command::KIND,
    settings::{Encryption, Form, Settings},
};

/// What a worker logs in to a device with. Wiped when dropped, and never shown.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Credentials {
    #[serde(rename = "u")]
    pub(crate) username: String,
    #[serde(rename = "p")]
    pub(crate) password: String,
    /// The password where a device asks for no other.
    #[serde(rename = "e", skip_serializing_if = "Option::is_none", default)]
    pub(crate) enable: Option<String>,
}

/// Credentials as they stand in the args of a job that the plugin has opened.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Stored {
    /// They were sealed as a field, or not at all.
    Open(Credentials),
    /// A token of the original NAAS.
    Token(String),
}

/// Seals and opens credentials, as the settings say.
#[derive(Clone)]
pub(crate) struct Vault {
    hook: Option<EncryptHook>,
    /// Opens tokens of the original NAAS.
    tokens: Option<EncryptHook>,
    is_enabled: bool,
    form: Form,
}

/// The job whose args a token of the original NAAS is, for the hook that opens it.
const TOKEN: JobContext<'static> = JobContext::new("naas_credentials");

impl Vault {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let (keys, is_enabled) = match &settings.encryption {
            Encryption::On(keys) => (Some(keys), true),
            Encryption::Off(keys) => (keys.as_ref(), false),
        };
        let Some(keys) = keys else {
            return Ok(Self {
                hook: None,
                tokens: None,
                is_enabled,
                form: settings.form,
            });
        };
        let bound = ["/host", "/port", "/platform", "/commands"];
        let policy = match settings.form {
            Form::Bound => Policy::fields(["/credentials"]).bind(bound),
            Form::MultiFernet => Policy::readable(),
        };
        let hook = EncryptHook::builder(keys.clone())
            .namespace("naas")
            .kind(KIND, policy)
            .build()?;
        let tokens = EncryptHook::builder(keys.clone())
            .default_policy(Policy::sealed().legacy(LegacyForm::PlainFernet))
            .build()?;
        let vault = Self {
            hook: Some(if is_enabled {
                hook
            } else {
                hook.to_decrypt_only()?
            }),
            tokens: Some(tokens),
            is_enabled,
            form: settings.form,
        };
        vault.test()?;
        Ok(vault)
    }

    /// Returns the hook for the plugin, where there are keys.
    pub(crate) fn hook(&self) -> Option<&EncryptHook> {
        self.hook.as_ref()
    }

    /// Makes of credentials what goes into args; the plugin then seals it unless that is a token.
    pub(crate) fn store(&self, credentials: Credentials) -> Result<Stored, Error> {
        match (&self.hook, self.form) {
            (Some(hook), Form::MultiFernet) if self.is_enabled => {
                let json = json_of(&credentials)?;
                let (mut body, keys) = (Vec::new(), hook.keys().snapshot());
                keys.primary().encryptor().encrypt(&[], &json, &mut body)?;
                Ok(Stored::Token(URL_SAFE.encode_to_string(&body)))
            }
            _ => Ok(Stored::Open(credentials)),
        }
    }

    /// Returns the credentials of a job.
    pub(crate) fn open(&self, stored: Stored) -> Result<Credentials, Error> {
        let token = match stored {
            Stored::Open(credentials) => return Ok(credentials),
            Stored::Token(token) => token,
        };
        let no_keys = || Error::new(ErrorKind::NoMatchingKey, "this worker has no keys at all");
        let tokens = self.tokens.as_ref().ok_or_else(no_keys)?;
        let quoted = serde_json::to_vec(&token).map_err(|_| unreadable())?;
        let json = tokens.open_bytes(&TOKEN, &quoted)?;
        let json = Zeroizing::new(json.ok_or_else(unreadable)?);
        serde_json::from_slice(&json).map_err(|_| unreadable())
    }

    /// Seals the output of a command, where credentials are sealed.
    pub(crate) fn seal_output(&self, output: &str) -> Result<Box<RawValue>, Error> {
        let json = Zeroizing::new(serde_json::to_string(output).map_err(|_| unreadable())?);
        let sealed = match &self.hook {
            Some(hook) if self.is_enabled => hook.seal_bytes(&output_context(), json.as_bytes())?,
            _ => None,
        };
        let text = sealed.map_or_else(
            || Ok(json.to_string()),
            |sealed| String::from_utf8(sealed).map_err(|_| unreadable()),
        )?;
        RawValue::from_string(text).map_err(|_| unreadable())
    }

    pub(crate) fn open_output(&self, output: &RawValue) -> Result<Box<RawValue>, Error> {
        let mut output = output.to_owned();
        if let Some(hook) = &self.hook {
            hook.open(&output_context(), &mut output)?;
        }
        Ok(output)
    }

    /// Seals and opens once, before anything is accepted.
    fn test(&self) -> Result<(), Error> {
        if let Some(hook) = &self.hook
            && self.is_enabled
        {
            let context = output_context();
            if let Some(sealed) = hook.seal_bytes(&context, b"\"self-test\"")? {
                hook.open_bytes(&context, &sealed)?;
            }
        }
        Ok(())
    }
}

fn output_context() -> JobContext<'static> {
    JobContext::new(KIND).with_purpose(Purpose::OUTPUT)
}

#[derive(Serialize)]
struct Token<'a> {
    u: &'a str,
    p: &'a str,
    e: &'a str,
}

fn json_of(credentials: &Credentials) -> Result<Zeroizing<Vec<u8>>, Error> {
    // NAAS itself always writes all three.
    let Credentials {
        username,
        password,
        enable,
    } = credentials;
    let enable = enable.as_ref().unwrap_or(password);
    serde_json::to_vec(&Token {
        u: username,
        p: password,
        e: enable,
    })
    .map(Zeroizing::new)
    .map_err(|_| unreadable())
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Malformed, "these are no credentials")
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.username.zeroize();
        self.password.zeroize();
        self.enable.zeroize();
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(..)")
    }
}
