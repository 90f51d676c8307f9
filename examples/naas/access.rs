//! Who calls, and what he may do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use jobcrypt::{SecretKey, UniqueKeys};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    api::Refusal,
    audit::{Audit, Event},
    credentials::Credentials,
};

#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Viewer,
    Operator,
    Admin,
}

/// A caller who was let in.
pub(crate) struct Caller {
    pub(crate) identity: String,
    role: Role,
    /// `None` for all.
    contexts: Option<Vec<String>>,
    /// Those of HTTP Basic, which are for the device.
    pub(crate) credentials: Option<Credentials>,
}

/// The keys that were handed out. They are kept as keyed hashes: who reads them learns nothing.
pub(crate) struct Access {
    hashes: UniqueKeys,
    keys: Mutex<HashMap<String, ApiKey>>,
    audit: Arc<Audit>,
}

struct ApiKey {
    id: String,
    role: Role,
    contexts: Vec<String>,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl Access {
    pub(crate) fn new(key: SecretKey, audit: Arc<Audit>) -> Self {
        Self {
            hashes: UniqueKeys::new(key).namespace("naas"),
            keys: Mutex::default(),
            audit,
        }
    }

    /// Lets a caller in by his `Authorization`.
    pub(crate) fn authenticate(&self, header: Option<&str>) -> Result<Caller, Refusal> {
        let (method, caller) = match header.and_then(|it| it.split_once(' ')) {
            Some(("Basic", text)) => ("basic", basic(text)),
            Some(("Bearer", token)) => ("api_key", self.with_key(token)),
            _ => ("none", Err("no credentials")),
        };
        match caller {
            Ok(caller) => {
                let identity = &caller.identity;
                self.audit.emit(&Event::AuthSuccess { method, identity });
                Ok(caller)
            }
            Err(reason) => {
                self.audit.emit(&Event::AuthFailure { method, reason });
                Err(Refusal::UNAUTHORIZED)
            }
        }
    }

    pub(crate) fn must_be(
        &self,
        caller: &Caller,
        required: Role,
        endpoint: &str,
    ) -> Result<(), Refusal> {
        if caller.role >= required {
            return Ok(());
        }
        self.audit.emit(&Event::AuthRbacDenied {
            identity: &caller.identity,
            role: caller.role.as_str(),
            required_role: required.as_str(),
            endpoint,
        });
        Err(Refusal::FORBIDDEN)
    }

    pub(crate) fn must_reach(&self, caller: &Caller, context: &str) -> Result<(), Refusal> {
        let Some(contexts) = &caller.contexts else {
            return Ok(());
        };
        if contexts.iter().any(|it| it == context) {
            return Ok(());
        }
        self.audit.emit(&Event::AuthContextDenied {
            identity: &caller.identity,
            context,
            allowed_contexts: contexts,
        });
        Err(Refusal::FORBIDDEN)
    }

    /// Makes a key; returns its id and its token, which is shown this once.
    pub(crate) fn create_key(
        &self,
        caller: &Caller,
        role: Role,
        contexts: Vec<String>,
    ) -> Result<(String, Zeroizing<String>), Refusal> {
        let random = SecretKey::generate().map_err(|_| Refusal::FAILED)?;
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode_to_string(random.expose()));
        let hash = self.hash("api_key", token.as_bytes());
        let id = format!("k-{}", &hash[5..13]);
        self.audit.emit(&Event::ApikeyCreated {
            key_id: &id,
            role: role.as_str(),
            contexts: &contexts,
            created_by: &caller.identity,
        });
        let key = ApiKey {
            id: id.clone(),
            role,
            contexts,
        };
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(hash, key);
        Ok((id, token))
    }

    pub(crate) fn revoke_key(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let before = keys.len();
        keys.retain(|_, key| key.id != id);
        if keys.len() == before {
            return Err(Refusal::NOT_FOUND);
        }
        self.audit.emit(&Event::ApikeyRevoked {
            key_id: id,
            revoked_by: &caller.identity,
        });
        Ok(())
    }

    /// A hash by which jobs of a user are told from others', and from which nobody guesses who he is.
    pub(crate) fn user_hash(&self, caller: &Caller) -> String {
        self.hash("user", caller.identity.as_bytes())
    }

    fn hash(&self, kind: &str, value: &[u8]) -> String {
        self.hashes.hash(kind, value).expect("the names are short")
    }

    fn with_key(&self, token: &str) -> Result<Caller, &'static str> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(&self.hash("api_key", token.as_bytes()));
        let key = key.ok_or("unknown or revoked key")?;
        Ok(Caller {
            identity: key.id.clone(),
            role: key.role,
            contexts: Some(key.contexts.clone()),
            credentials: None,
        })
    }
}

/// Reads HTTP Basic. NAAS passes these on to the device, which alone can tell whether they are right.
fn basic(text: &str) -> Result<Caller, &'static str> {
    let decoded = STANDARD.decode_to_vec(text).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| "malformed header")?;
    let text = std::str::from_utf8(&decoded).map_err(|_| "malformed header")?;
    let (username, password) = text.split_once(':').ok_or("malformed header")?;
    if username.is_empty() || password.is_empty() {
        return Err("empty username or password");
    }
    Ok(Caller {
        identity: username.to_owned(),
        role: Role::Admin,
        contexts: None,
        credentials: Some(Credentials {
            username: username.to_owned(),
            password: password.to_owned(),
            enable: None,
        }),
    })
}
