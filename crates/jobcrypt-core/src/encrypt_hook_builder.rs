use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
};

use crate::{
    AuditSink, EncryptHook, Error, ErrorKind, JobContext, Key, Keyring, Keys, LegacyForm, Policy,
    associated_data,
    audit_sink::AuditSinks,
    encrypt_hook::Settings,
    form::Form,
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
    audit: AuditSinks,
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
            audit: AuditSinks::default(),
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

    /// Records what is sealed, opened, refused and accepted in this sink too. Every event goes to `tracing` in any
    /// case.
    pub fn audit(mut self, sink: impl AuditSink) -> Self {
        self.audit.0.push(Arc::new(sink));
        self
    }

    /// Makes the hook.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] when a kind is named twice or not at all, both `include`
    /// and `exclude` are used, a policy contradicts itself or decrypt-only mode, no key has a cipher
    /// that a policy allows, every such key is bound to other kinds or namespaces, or the marker or the namespace cannot stand in a token.
    pub fn build(self) -> Result<EncryptHook, Error> {
        if let Some(detail) = self.contradiction() {
            return Err(Error::new(ErrorKind::InvalidConfiguration, detail));
        }
        let default_policy = match (self.default_policy, &self.include) {
            (Some(policy), _) => policy.prepared()?,
            (None, Some(_)) => Policy::readable(),
            (None, None) => Policy::sealed(),
        };
        let keyring = self.keys.snapshot();
        let is_for_it = |key: &Key| key.allows_namespace(&self.namespace);
        check(&default_policy, &keyring, self.is_decrypt_only, is_for_it)?;
        check_context("", &self.namespace)?;

        let listed = |kinds: Option<Vec<String>>, policy: Policy| {
            let kinds = kinds.unwrap_or_default().into_iter();
            kinds.map(move |kind| (kind, policy.clone()))
        };
        let all = listed(self.include, Policy::sealed())
            .chain(listed(self.exclude, Policy::readable()))
            .chain(self.policies);
        let mut policies = HashMap::new();
        for (kind, policy) in all {
            let policy = policy.prepared().map_err(|error| error.for_job(&kind))?;
            let is_for_it = |key: &Key| key.allows(&kind, &self.namespace);
            check(&policy, &keyring, self.is_decrypt_only, is_for_it)
                .map_err(|error| error.for_job(&kind))?;
            check_context(&kind, &self.namespace)?;
            if policies.insert(kind.as_str().into(), policy).is_some() {
                let detail = "the kind has two policies";
                return Err(Error::new(ErrorKind::InvalidConfiguration, detail).for_job(&kind));
            }
        }
        Ok(EncryptHook::new(Settings {
            keys: self.keys,
            namespace: self.namespace.into(),
            marker: Marker::new(&self.marker, self.siblings)?,
            is_decrypt_only: self.is_decrypt_only,
            default_policy,
            policies,
            audit: self.audit,
            plaintext_accepted: AtomicU64::new(0),
        }))
    }

    /// Says what in these settings cannot all be meant.
    fn contradiction(&self) -> Option<&'static str> {
        let is_ignorable = |name: &str| !name.is_empty() && name != self.marker;
        if self.include.is_some() && self.exclude.is_some() {
            return Some("use include or exclude, not both");
        }
        if self.include.as_ref().is_some_and(Vec::is_empty) {
            return Some("an empty include list seals nothing; leave it out to seal every kind");
        }
        if self.include.is_some() && self.default_policy.is_some() {
            return Some(
                "include leaves all other kinds readable; a default policy contradicts it",
            );
        }
        let is_readable = |policy: &Policy| !policy.is_sealed;
        if self.exclude.is_some() && self.default_policy.as_ref().is_some_and(is_readable) {
            return Some("exclude seals all other kinds; a readable default policy contradicts it");
        }
        if !self.siblings.iter().all(|sibling| is_ignorable(sibling)) {
            return Some("neither the marker nor a name of no characters can be ignored");
        }
        let kinds = self.include.iter().chain(&self.exclude).flatten();
        if kinds
            .chain(self.policies.iter().map(|(kind, _)| kind))
            .any(String::is_empty)
        {
            return Some("a kind has no name");
        }
        None
    }
}

/// Whether a policy is sound, in itself and with these keys, of which some are for its kinds.
fn check(
    policy: &Policy,
    keyring: &Keyring,
    is_decrypt_only: bool,
    is_for_it: impl Fn(&Key) -> bool,
) -> Result<(), Error> {
    policy.check(is_decrypt_only)?;
    let refuse = |detail| Err(Error::new(ErrorKind::InvalidConfiguration, detail));
    let mut sealing = keyring
        .keys()
        .filter(|key| policy.allows_sealing_with(key.cipher()));
    if sealing.clone().next().is_none() {
        return refuse("no key of the keyring has a cipher that the policy allows");
    }
    if policy.is_sealed && !is_decrypt_only && !sealing.any(&is_for_it) {
        return refuse("every key that could seal is bound to other kinds or namespaces");
    }
    let reads = |form: LegacyForm, key: &Key| {
        form.fits(key) && policy.opens(key.cipher().as_str()) && is_for_it(key)
    };
    if let Some(form) = policy.plain_form()
        && !keyring.keys().any(|key| reads(form, key))
    {
        return refuse("no key of the keyring that may be used has the cipher of the legacy form");
    }
    Ok(())
}

fn check_context(kind: &str, namespace: &str) -> Result<(), Error> {
    associated_data::write(
        Form::WHOLE,
        &JobContext::new(kind),
        namespace,
        &mut Vec::new(),
    )
}
