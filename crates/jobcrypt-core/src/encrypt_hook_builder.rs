use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
};

use crate::{
    EncryptHook, Error, ErrorKind, JobContext, Keys, Policy, associated_data,
    encrypt_hook::Settings,
    marker::{self, Marker},
};

/// Configures an [`EncryptHook`]; made by [`EncryptHook::builder`].
///
/// Which kinds are sealed is said in one of three ways: [`include`](Self::include) seals the listed
/// kinds, [`exclude`](Self::exclude) all but the listed ones, and [`kind`](Self::kind) gives a kind a
/// policy of its own. Without any of them, all are sealed.
#[derive(Debug)]
#[must_use = "a hook is checked and made by `build`"]
pub struct EncryptHookBuilder {
    keys: Keys,
    namespace: String,
    marker: String,
    siblings: Vec<Box<str>>,
    is_decrypt_only: bool,
    default_policy: Option<Policy>,
    include: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    policies: Vec<(String, Policy)>,
}

impl EncryptHookBuilder {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            keys,
            namespace: String::new(),
            marker: marker::DEFAULT.to_owned(),
            siblings: Vec::new(),
            is_decrypt_only: false,
            default_policy: None,
            include: None,
            exclude: None,
            policies: Vec::new(),
        }
    }

    /// Binds every token to this environment or tenant: what was sealed in one namespace does not
    /// open in another, even under the same key. Empty unless set.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets the policy of all kinds that have none of their own: [`Policy::sealed`] unless set.
    pub fn default_policy(mut self, policy: Policy) -> Self {
        self.default_policy = Some(policy);
        self
    }

    /// Seals these kinds only. River's `JobKindsInclude`, except that other kinds' envelopes still
    /// open.
    pub fn include(mut self, kinds: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.include
            .get_or_insert_default()
            .extend(kinds.into_iter().map(Into::into));
        self
    }

    /// Seals all but these kinds. River's `JobKindsExclude`, except that these kinds' envelopes
    /// still open.
    pub fn exclude(mut self, kinds: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.exclude
            .get_or_insert_default()
            .extend(kinds.into_iter().map(Into::into));
        self
    }

    /// Gives `kind` a policy of its own.
    pub fn kind(mut self, kind: impl Into<String>, policy: Policy) -> Self {
        self.policies.push((kind.into(), policy));
        self
    }

    /// Opens sealed jobs and seals none: the way out of encryption, until the last envelope is gone.
    pub fn decrypt_only(mut self) -> Self {
        self.is_decrypt_only = true;
        self
    }

    /// Sets the key under which tokens stand: `river_encrypt` unless set, so that River's own drain
    /// query finds them.
    pub fn marker(mut self, marker: impl Into<String>) -> Self {
        self.marker = marker.into();
        self
    }

    /// Tolerates a key of this name beside a token and drops it: for a queue that adds one to args
    /// on its own, after they were sealed.
    pub fn ignore_sibling(mut self, name: impl Into<Box<str>>) -> Self {
        self.siblings.push(name.into());
        self
    }

    /// Makes the hook.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when a kind is named twice or not at all, both `include`
    /// and `exclude` are used, a policy contradicts itself or decrypt-only mode, no key has a cipher
    /// that a policy allows, or the marker or the namespace cannot stand in a token.
    pub fn build(self) -> Result<EncryptHook, Error> {
        let Self {
            keys,
            namespace,
            marker,
            siblings,
            is_decrypt_only,
            default_policy,
            include,
            exclude,
            policies,
        } = self;
        let refuse =
            |detail: &'static str| Err(Error::new(ErrorKind::InvalidConfiguration, detail));
        if include.is_some() && exclude.is_some() {
            return refuse("use include or exclude, not both");
        }
        if include.is_some() && default_policy.is_some() {
            return refuse(
                "include leaves all other kinds readable; a default policy contradicts it",
            );
        }
        if include.as_ref().is_some_and(Vec::is_empty) {
            return refuse("an empty include list seals nothing; leave it out to seal every kind");
        }
        if siblings.iter().any(|sibling| **sibling == *marker) {
            return refuse("the marker cannot be ignored");
        }
        let default_policy = match (default_policy, &include) {
            (Some(policy), _) => policy,
            (None, Some(_)) => Policy::readable(),
            (None, None) => Policy::sealed(),
        };
        let listed = |kinds: Option<Vec<String>>, policy: Policy| {
            kinds
                .unwrap_or_default()
                .into_iter()
                .map(move |kind| (kind, policy.clone()))
        };
        let policies = listed(include, Policy::sealed())
            .chain(listed(exclude, Policy::readable()))
            .chain(policies);

        let keyring = keys.snapshot();
        let check = |policy: &Policy| {
            policy.check(is_decrypt_only)?;
            if keyring
                .encryptors()
                .any(|key| policy.allows_cipher(key.cipher().as_str()))
            {
                return Ok(());
            }
            Err(Error::new(
                ErrorKind::InvalidConfiguration,
                "no key of the keyring has a cipher that the policy allows",
            ))
        };
        check(&default_policy)?;
        let mut by_kind = HashMap::new();
        for (kind, policy) in policies {
            if kind.is_empty() {
                return refuse("a kind has no name");
            }
            check(&policy).map_err(|error| error.for_job(&kind))?;
            associated_data::write(&JobContext::new(&kind), &namespace, &mut Vec::new())?;
            if by_kind.insert(kind.as_str().into(), policy).is_some() {
                return Err(Error::new(
                    ErrorKind::InvalidConfiguration,
                    "the kind has two policies",
                )
                .for_job(&kind));
            }
        }
        associated_data::write(&JobContext::new(""), &namespace, &mut Vec::new())?;
        Ok(EncryptHook(Arc::new(Settings {
            keys,
            namespace: namespace.into(),
            marker: Marker::new(&marker, siblings)?,
            is_decrypt_only,
            default_policy,
            policies: by_kind,
            plaintext_accepted: AtomicU64::new(0),
        })))
    }
}
